//! Everything that the catalogue's sets can record, through what is public.

use std::time::Duration;

use tripod::catalog::{
    adapter, cache, db, dispatch, embedding, error, execution, http, job, kafka, llm, pipeline, rag, redis, resource,
    signals,
};

/// Records everything once or more.
pub(crate) fn everything() {
    let provider = adapter::Adapter::new("finnhub");
    provider.request("fetch").success();
    provider.request("fetch").error("timeout");
    provider.timeout("fetch");
    provider.rate_limited();
    provider.connection_error();
    provider.cache_hit("memory");
    provider.cache_miss("memory");
    provider.data_volume("quotes", 1_840);

    http::Http::new().request("GET", "/orders/{id}").status(200);

    let database = db::Db::new();
    let _pool = database.pool(10);
    let _connection = database.connection();
    database.query("select").success();

    redis::Redis::new().command("get").stop();

    let topic = kafka::Topic::new("signals");
    topic.publish().success();
    topic.publish().failure();
    topic.consumed(0, 1_042, Duration::from_millis(35));

    let by_id = execution::Pipeline::new("7f9c24e5");
    let execution = by_id.execute("signal");
    execution.agent("market_data").success();
    execution.cost(0.042);
    execution.success();

    let by_name = pipeline::Pipeline::new("data_processor");
    let execution = by_name.execute();
    execution.step("transform").success();
    execution.success();
    by_name.execute().error("timeout");
    by_name.items(500);
    by_name.api_calls("geocoder", 3);
    by_name.cost(0.12);
    by_name.queued(4);
    by_name.dequeued(1);
    by_name.memory_usage(1 << 20);
    by_name.cpu_usage(12.5);

    let generator = signals::Generator::new("golden_cross_generator");
    generator.generation("golden_cross").stop();
    generator.generated("golden_cross");

    let dispatcher = dispatch::Dispatcher::new();
    dispatcher.batch(20).stop();
    dispatcher.matched("AAPL", 3);
    dispatcher.enqueued(2);
    dispatcher.skipped_running(1);
    dispatcher.cache_size(4096);
    dispatcher.cache_refresh().stop();

    let jobs = job::Jobs::new("thumbnails");
    jobs.waited(Duration::from_millis(250));
    jobs.start().completed();
    jobs.start().failed();
    let queue = job::Queue::new("default");
    queue.added(3);
    queue.taken(1);

    let model = llm::Llm::new("openai", "gpt-4");
    model.request().success(1200, 300, 0.054);
    model.request().error("rate_limited");

    let retrieval = rag::Rag::new("standard");
    retrieval.query().cache_hit();
    let query = retrieval.query();
    query.cache_miss();
    query.retrieved(12);

    embedding::Embedding::new("openai", "small").generation().generated(64);

    let named = cache::Cache::new("embedding_cache");
    named.lookup().stop();
    named.hit();
    named.miss();

    let connections = resource::Resource::new("database_connection");
    drop(connections.acquire());
    connections.acquire().error("timeout");

    error::Errors::new("checkout").error("timeout");
    let breaker = error::CircuitBreaker::new("payments");
    breaker.open();
    breaker.half_open();
    breaker.close();
}
