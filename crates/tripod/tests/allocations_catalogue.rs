//! What the catalogue's sets allocate once they are warm: nothing.
//!
//! A file of its own, as it counts what the whole process allocates; one test, so that nothing else runs beside it.

#[path = "common/allocator.rs"]
mod allocator;

use std::time::Duration;

use tripod::catalog::adapter::{Adapter, Ended};
use tripod::catalog::{
    cache, db, dispatch, embedding, error, execution, http, job, kafka, llm, pipeline, rag, redis, resource, signals,
};

fn allocate_nothing(what: &str, work: impl Fn()) {
    (0..3).for_each(|_| work());
    let before = allocator::allocations();
    (0..1000).for_each(|_| work());
    assert_eq!(allocator::allocations() - before, 0, "{what}");
}

#[test]
fn sets_allocate_nothing_once_warm() {
    let builder = tripod::init().exporter(tripod::MemoryExporter::default()).self_metrics(false);
    let guard = builder.start().unwrap();

    let provider = Adapter::new("finnhub");
    allocate_nothing("adapter", || {
        provider.request("fetch").success();
        provider.request("fetch").error("timeout");
        drop(provider.request("fetch"));
        provider.cache_hit("memory");
        provider.data_volume("quotes", 7);
        provider.record_request_success("fetch", Duration::from_millis(3));
    });
    let batch = [Ended::success("fetch", Duration::from_millis(3)), Ended::error("sync", "timeout")];
    allocate_nothing("a batch", || provider.record_request_batch(&batch));
    let server = http::Http::new();
    allocate_nothing("http", || server.request("GET", "/orders/{id}").status(200));
    let database = db::Db::new();
    allocate_nothing("db", || {
        let _connection = database.connection();
        database.query("select").success();
    });
    let commands = redis::Redis::new();
    allocate_nothing("redis", || commands.command("get").stop());
    let topic = kafka::Topic::new("signals");
    allocate_nothing("kafka", || {
        topic.publish().success();
        topic.consumed(0, 5, Duration::from_millis(3));
    });
    let by_id = execution::Pipeline::new("7f9c");
    allocate_nothing("execution", || {
        let execution = by_id.execute("signal");
        execution.agent("market_data").success();
        execution.success();
    });
    let by_name = pipeline::Pipeline::new("data_processor");
    allocate_nothing("pipeline", || {
        let execution = by_name.execute();
        execution.step("transform").success();
        by_name.items(5);
        by_name.cost(0.01);
        execution.error("timeout");
    });
    let generator = signals::Generator::new("mock_generator");
    allocate_nothing("signals", || {
        generator.generation("mock").stop();
        generator.generated("mock");
    });
    let dispatcher = dispatch::Dispatcher::new();
    allocate_nothing("dispatch", || {
        dispatcher.matched("AAPL", 1);
        dispatcher.batch(20).stop();
    });
    let jobs = job::Jobs::new("thumbnails");
    allocate_nothing("job", || jobs.start().completed());
    let model = llm::Llm::new("openai", "gpt-4");
    allocate_nothing("llm", || model.request().success(1200, 300, 0.05));
    let retrieval = rag::Rag::new("standard");
    allocate_nothing("rag", || retrieval.query().retrieved(3));
    let embedding = embedding::Embedding::new("openai", "small");
    allocate_nothing("embedding", || embedding.generation().generated(3));
    let named = cache::Cache::new("embedding_cache");
    allocate_nothing("cache", || {
        named.lookup().stop();
        named.hit();
    });
    let connections = resource::Resource::new("database_connection");
    allocate_nothing("resource", || drop(connections.acquire()));
    let errors = error::Errors::new("checkout");
    allocate_nothing("error", || errors.error("timeout"));
    drop(guard);
}
