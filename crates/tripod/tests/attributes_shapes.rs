//! Every shape of function that an attribute can stand on: it compiles, runs as without the attribute, and counts once.
#![allow(clippy::unused_async, clippy::unnecessary_wraps, clippy::needless_pass_by_value, clippy::unused_self)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use tripod::{count_calls, measure_latency, telemetry, traced, track_metrics};

fn calls(name: &str) -> f64 {
    tripod::counter(format!("{name}_calls_total")).build().get(&[])
}

fn errors(name: &str, error_type: &str) -> f64 {
    tripod::counter(format!("{name}_errors_total")).build().get(tripod::labels!(error_type))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn a_function_without_arguments_or_result() {
    #[track_metrics]
    fn nothing() {}
    nothing();
    assert_eq!(calls("nothing"), 1.0);
}

#[test]
fn an_early_return() {
    #[track_metrics]
    fn early(n: i32) -> i32 {
        if n > 0 {
            return n;
        }
        -1
    }
    assert_eq!((early(3), early(-3)), (3, -1));
    assert_eq!(calls("early"), 2.0);
}

#[test]
fn a_question_mark_that_converts_the_error() {
    #[derive(Debug)]
    struct Wrapped;
    impl From<std::num::ParseIntError> for Wrapped {
        fn from(_: std::num::ParseIntError) -> Self {
            Self
        }
    }
    #[track_metrics]
    fn converts(text: &str) -> Result<i32, Wrapped> {
        let n: i32 = text.parse()?;
        Ok(n)
    }
    assert!(converts("1").is_ok() && converts("x").is_err());
    assert_eq!(errors("converts", "Wrapped"), 1.0);
}

#[test]
fn a_question_mark_on_an_option() {
    #[track_metrics]
    fn first_letter(text: Option<&str>) -> Option<char> {
        text?.chars().next()
    }
    assert_eq!((first_letter(Some("ab")), first_letter(None)), (Some('a'), None));
    assert_eq!(calls("first_letter"), 2.0);
}

#[test]
fn a_result_that_borrows_from_an_argument() {
    #[track_metrics]
    fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {
        if a.len() > b.len() { a } else { b }
    }
    assert_eq!(longest("abc", "d"), "abc");
}

#[test]
fn a_result_with_an_elided_lifetime() {
    #[traced]
    #[track_metrics]
    fn trimmed(text: &str) -> &str {
        text.trim()
    }
    assert_eq!(trimmed(" a "), "a");
}

struct Stack {
    items: Vec<u32>,
}

impl Stack {
    #[track_metrics(name = "stack_new")]
    fn new(items: &[u32]) -> Self {
        Self { items: items.to_vec() }
    }

    #[track_metrics(name = "stack_last")]
    fn last(&self) -> Option<&u32> {
        self.items.last()
    }

    #[track_metrics(name = "stack_last_mut")]
    #[traced(fields(length = self.items.len()))]
    fn last_mut(&mut self) -> Option<&mut u32> {
        self.items.last_mut()
    }

    #[measure_latency("stack_push_seconds")]
    fn push(&mut self, item: u32) -> &mut Self {
        self.items.push(item);
        self
    }

    #[track_metrics(name = "stack_into_items")]
    fn into_items(self) -> Vec<u32> {
        self.items
    }

    #[track_metrics(name = "stack_mut_self")]
    fn sorted(mut self) -> Self {
        self.items.sort_unstable();
        self
    }

    #[traced]
    fn boxed(self: Box<Self>) -> Vec<u32> {
        self.items
    }

    #[traced]
    fn counted(self: &Arc<Self>) -> usize {
        Arc::strong_count(self)
    }

    #[track_metrics(name = "stack_pinned")]
    fn pinned(self: Pin<&mut Self>) -> usize {
        self.items.len()
    }

    #[track_metrics(name = "stack_async", labels(length = self.items.len()))]
    #[traced]
    async fn sum(&mut self) -> &u32 {
        tokio::task::yield_now().await;
        let sum = self.items.iter().sum();
        self.items.push(sum);
        &self.items[self.items.len() - 1]
    }
}

#[test]
fn a_constructor() {
    assert_eq!(Stack::new(&[1, 2]).items, [1, 2]);
    assert!(calls("stack_new") >= 1.0);
}

#[test]
fn a_method_by_reference() {
    assert_eq!(Stack { items: vec![1, 2] }.last(), Some(&2));
    assert_eq!(calls("stack_last"), 1.0);
}

#[test]
fn a_method_that_gives_back_a_mutable_borrow_of_self() {
    let mut stack = Stack { items: vec![1, 2] };
    *stack.last_mut().unwrap() = 9;
    assert_eq!(stack.items, [1, 9]);
    assert_eq!(stack.push(3).push(4).items.len(), 4);
}

#[test]
fn a_method_that_takes_self() {
    assert_eq!(Stack { items: vec![2, 1] }.sorted().into_items(), [1, 2]);
}

#[test]
fn a_method_of_a_box_an_arc_and_a_pin() {
    assert_eq!(Box::new(Stack { items: vec![1] }).boxed(), [1]);
    assert_eq!(Arc::new(Stack { items: vec![] }).counted(), 1);
    assert_eq!(Pin::new(&mut Stack { items: vec![7] }).pinned(), 1);
}

#[test]
fn an_async_method_that_gives_back_a_borrow_of_self() {
    let mut stack = Stack { items: vec![1, 2] };
    assert_eq!(*block_on(is_send(stack.sum())), 3);
    assert_eq!(tripod::counter("stack_async_calls_total").build().get(tripod::labels!(length = 2)), 1.0);
}

#[test]
fn patterns_as_arguments() {
    struct Point {
        x: i32,
        y: i32,
    }
    #[traced(args, skip(y))]
    #[track_metrics]
    fn patterns((a, b): (i32, i32), [first, ..]: [i32; 3], Point { x, y }: Point, _: u8, mut n: i32) -> i32 {
        n += 1;
        a + b + first + x + y + n
    }
    assert_eq!(patterns((1, 2), [3, 0, 0], Point { x: 4, y: 5 }, 0, 5), 21);
}

#[test]
fn generics_with_bounds_and_a_where_clause() {
    #[track_metrics]
    #[traced(args)]
    fn show<T, const N: usize>(items: [T; N]) -> String
    where
        T: Display + Debug,
    {
        items.iter().map(ToString::to_string).collect()
    }
    assert_eq!(show([1, 2]), "12");
    assert_eq!(show(["a"]), "a");
    assert_eq!(calls("show"), 2.0, "all types count in one");
}

#[test]
fn an_argument_of_an_impl_type() {
    #[track_metrics]
    fn total(numbers: impl IntoIterator<Item = u32>, mut each: impl FnMut(u32)) -> u32 {
        numbers.into_iter().inspect(|n| each(*n)).sum()
    }
    let mut seen = 0;
    assert_eq!(total([1, 2, 3], |_| seen += 1), 6);
    assert_eq!(seen, 3);
}

#[test]
fn a_result_of_an_impl_type() {
    #[track_metrics]
    #[traced]
    fn evens(to: u32) -> impl Iterator<Item = u32> + Clone {
        (0..to).filter(|n| n % 2 == 0)
    }
    assert_eq!(evens(5).clone().count(), 3);
}

#[test]
fn an_impl_type_within_a_result_whose_error_converts() {
    #[track_metrics]
    #[traced]
    fn numbers(text: &str) -> Result<impl Iterator<Item = u8>, Box<dyn std::error::Error>> {
        let to: u8 = text.parse()?;
        Ok(0..to)
    }
    #[track_metrics]
    async fn numbers_async(
        text: &str,
    ) -> Result<impl Iterator<Item = u8> + use<>, Box<dyn std::error::Error + Send + Sync>> {
        let to: u8 = text.parse()?;
        Ok(0..to)
    }
    assert_eq!(numbers("3").unwrap().count(), 3);
    assert!(numbers("x").is_err());
    assert_eq!(block_on(is_send(numbers_async("3"))).unwrap().count(), 3);
    assert!(block_on(numbers_async("x")).is_err());
    assert_eq!((calls("numbers"), errors("numbers", "core::error::Error")), (2.0, 1.0));
}

#[test]
fn a_result_that_is_coerced_to_a_trait_object() {
    #[track_metrics]
    fn boxed(n: u8) -> Box<dyn Display> {
        Box::new(n)
    }
    #[track_metrics]
    async fn boxed_async(n: u8) -> Box<dyn Display + Send> {
        if n == 0 {
            return Box::new("none");
        }
        Box::new(n)
    }
    assert_eq!(boxed(1).to_string() + &block_on(boxed_async(0)).to_string(), "1none");
}

#[test]
fn a_function_that_never_returns() {
    #[track_metrics]
    #[traced]
    fn never() -> ! {
        std::panic::resume_unwind(Box::new("on purpose"))
    }
    assert!(std::panic::catch_unwind(|| never()).is_err());
    assert_eq!(errors("never", "panic"), 1.0);
}

#[test]
fn an_async_function_that_never_returns() {
    #[track_metrics]
    #[traced]
    async fn forever() -> ! {
        loop {
            tokio::task::yield_now().await;
        }
    }
    block_on(async {
        tokio::select! {
            biased;
            () = async { forever().await } => {}
            () = tokio::task::yield_now() => {}
        }
    });
    assert_eq!(errors("forever", "cancelled"), 1.0);
}

#[test]
fn an_unsafe_function() {
    #[track_metrics]
    #[traced]
    unsafe fn read(pointer: *const u32) -> u32 {
        // SAFETY: the caller's promise.
        unsafe { *pointer }
    }
    let n = 7;
    // SAFETY: it points to a variable.
    assert_eq!(unsafe { read(&raw const n) }, 7);
}

#[test]
fn a_function_of_another_abi() {
    #[track_metrics(name = "twice_c")]
    extern "C" fn twice(n: i32) -> i32 {
        n * 2
    }
    let function: extern "C" fn(i32) -> i32 = twice;
    assert_eq!(function(4), 8);
    assert_eq!(calls("twice_c"), 1.0);
}

#[test]
fn attributes_and_documentation_stay() {
    /// Documented.
    #[must_use]
    #[inline]
    #[track_metrics]
    #[allow(clippy::let_and_return, unused_variables)]
    #[cfg(not(windows))]
    fn kept(unused: u8) -> u8 {
        let n = 1;
        n
    }
    assert_eq!(kept(0), 1);
}

#[test]
fn a_raw_name() {
    #[traced(fields(r#type = r#in))]
    #[track_metrics]
    fn r#match(r#in: u8) -> u8 {
        r#in
    }
    assert_eq!(r#match(2), 2);
    assert_eq!(calls("match"), 1.0);
}

#[test]
fn names_of_the_body_are_not_those_of_the_attribute() {
    const RESULT: u8 = 1;
    fn call() -> u8 {
        2
    }
    #[track_metrics]
    #[traced]
    #[telemetry(provider = "names")]
    fn hygienic(span: u8, started: u8, metrics: u8) -> u8 {
        let result = RESULT + call();
        result + span + started + metrics
    }
    assert_eq!(hygienic(3, 4, 5), 15);
}

#[test]
fn an_async_function_with_arguments_that_it_consumes() {
    #[track_metrics(labels(length = text.len()))]
    #[traced(fields(text = text))]
    #[count_calls("consumed_calls_total", labels(first = %text))]
    async fn consume(text: String) -> usize {
        let taken = text;
        tokio::task::yield_now().await;
        drop(taken);
        0
    }
    assert_eq!(block_on(is_send(consume("abc".to_owned()))), 0);
    assert_eq!(tripod::counter("consume_calls_total").build().get(tripod::labels!(length = 3)), 1.0);
    assert_eq!(tripod::counter("consumed_calls_total").build().get(tripod::labels!(first = "abc")), 1.0);
}

#[test]
fn an_async_function_that_borrows() {
    #[track_metrics]
    #[traced(args)]
    async fn lookup<'a>(map: &'a HashMap<String, u32>, key: &str) -> Option<&'a u32> {
        tokio::task::yield_now().await;
        map.get(key)
    }
    let map = HashMap::from([("a".to_owned(), 1)]);
    assert_eq!(block_on(is_send(lookup(&map, "a"))), Some(&1));
}

#[test]
fn an_async_function_that_is_not_send() {
    #[track_metrics]
    #[traced]
    async fn local(shared: Rc<RefCell<u32>>) -> u32 {
        *shared.borrow_mut() += 1;
        tokio::task::yield_now().await;
        *shared.borrow()
    }
    assert_eq!(block_on(local(Rc::default())), 1);
}

#[test]
fn an_async_function_that_calls_itself() {
    #[track_metrics]
    #[traced]
    async fn countdown(n: u32) -> u32 {
        if n == 0 { 0 } else { Box::pin(countdown(n - 1)).await + 1 }
    }
    assert_eq!(block_on(countdown(3)), 3);
    assert_eq!(calls("countdown"), 4.0);
}

#[test]
fn an_async_closure_and_a_borrow_over_an_await() {
    #[track_metrics]
    async fn over(mut items: Vec<u32>) -> Vec<u32> {
        let last = items.last_mut().unwrap();
        tokio::task::yield_now().await;
        *last += 1;
        items
    }
    assert_eq!(block_on(is_send(over(vec![1]))), [2]);
}

#[test]
fn a_function_whose_body_is_an_async_block() {
    #[track_metrics]
    #[traced]
    fn block(n: u32) -> impl Future<Output = Result<u32, std::num::ParseIntError>> + Send {
        async move {
            tokio::task::yield_now().await;
            "x".parse::<u32>()?;
            Ok(n)
        }
    }
    assert!(block_on(is_send(block(1))).is_err());
    assert_eq!((calls("block"), errors("block", "ParseIntError")), (1.0, 1.0));
}

#[test]
fn a_function_whose_async_block_borrows() {
    struct Holder(u32);
    impl Holder {
        #[track_metrics]
        #[traced]
        fn borrowing(&self) -> impl Future<Output = &u32> {
            async {
                tokio::task::yield_now().await;
                &self.0
            }
        }
    }
    assert_eq!(*block_on(Holder(4).borrowing()), 4);
    assert_eq!(calls("borrowing"), 1.0);
}

#[test]
fn a_function_that_works_first_and_gives_back_a_future() {
    #[track_metrics(labels(name = name))]
    #[traced(fields(name = name))]
    fn prepared(name: String) -> impl Future<Output = usize> + Send {
        let length = name.len();
        drop(name);
        async move {
            tokio::task::yield_now().await;
            length
        }
    }
    let future = prepared("four".to_owned());
    let counted = || tripod::counter("prepared_calls_total").build().get(tripod::labels!(name = "four"));
    assert_eq!(counted(), 1.0, "the call is made, whether or not somebody waits");
    assert_eq!(block_on(is_send(future)), 4);
    assert_eq!(counted(), 1.0);
}

#[test]
fn a_function_that_gives_back_the_future_of_another() {
    async fn other() -> Result<u8, std::fmt::Error> {
        Err(std::fmt::Error)
    }
    #[track_metrics]
    #[traced]
    fn delegates() -> impl Future<Output = Result<u8, std::fmt::Error>> {
        other()
    }
    assert!(block_on(is_send(delegates())).is_err());
    assert_eq!(errors("delegates", "fmt::Error"), 1.0);
}

#[test]
fn a_boxed_future_as_async_trait_writes_it() {
    trait Fetch {
        fn fetch<'life0, 'async_trait>(
            &'life0 self,
            text: String,
        ) -> Pin<Box<dyn Future<Output = Result<usize, std::fmt::Error>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait;
    }
    struct Service;
    impl Fetch for Service {
        #[track_metrics(name = "async_trait_fetch", labels(length = text.len()))]
        #[traced(args)]
        fn fetch<'life0, 'async_trait>(
            &'life0 self,
            text: String,
        ) -> Pin<Box<dyn Future<Output = Result<usize, std::fmt::Error>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                if let Some(result) = None::<Result<usize, std::fmt::Error>> {
                    #[allow(unreachable_code)]
                    return result;
                }
                let this = self;
                let text = text;
                let result: Result<usize, std::fmt::Error> = {
                    let Service = this;
                    tokio::task::yield_now().await;
                    Ok(text.len())
                };
                #[allow(unreachable_code)]
                result
            })
        }
    }
    let service: Box<dyn Fetch + Send + Sync> = Box::new(Service);
    assert_eq!(block_on(service.fetch("abc".to_owned())), Ok(3));
    let labels = tripod::labels!(length = 3);
    assert_eq!(tripod::counter("async_trait_fetch_calls_total").build().get(labels), 1.0);
}

#[test]
fn a_boxed_future_come_by_otherwise() {
    type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
    #[track_metrics]
    #[traced]
    fn spelled(n: &u8) -> Pin<Box<dyn Future<Output = u8> + Send + '_>> {
        let n = *n;
        Box::pin(std::future::ready(n))
    }
    #[track_metrics]
    #[traced]
    fn named(n: &u8) -> BoxFuture<'_, u8> {
        let n = n;
        spelled(n)
    }
    assert_eq!(block_on(is_send(named(&3))), 3);
    assert_eq!((calls("spelled"), calls("named")), (1.0, 1.0));
}

#[test]
fn functions_of_traits() {
    trait Greet {
        const NAME: &'static str;
        #[track_metrics(name = "trait_greet")]
        #[traced(fields(name = Self::NAME))]
        fn greet(&self) -> String {
            format!("hello {}", Self::NAME)
        }
        fn twice(&self) -> impl Future<Output = String>;
    }
    struct Ada;
    impl Greet for Ada {
        const NAME: &'static str = "ada";

        #[track_metrics(name = "trait_twice")]
        async fn twice(&self) -> String {
            self.greet().repeat(2)
        }
    }
    assert_eq!(block_on(Ada.twice()), "hello adahello ada");
    assert_eq!((calls("trait_greet"), calls("trait_twice")), (1.0, 1.0));
}

#[test]
fn a_generic_trait_with_associated_types() {
    trait Source {
        type Item<'a>
        where
            Self: 'a;
        fn next(&mut self) -> Option<Self::Item<'_>>;
    }
    struct Lines(String);
    impl Source for Lines {
        type Item<'a> = &'a str;

        #[track_metrics(name = "source_next")]
        #[traced]
        fn next(&mut self) -> Option<Self::Item<'_>> {
            self.0.lines().next()
        }
    }
    assert_eq!(Lines("a\nb".to_owned()).next(), Some("a"));
}

#[test]
fn a_function_in_a_function_in_a_generic_one() {
    #[track_metrics]
    fn outer<T: Default>() -> (T, u8) {
        #[track_metrics]
        fn inner() -> u8 {
            1
        }
        (T::default(), inner() + inner())
    }
    assert_eq!(outer::<u16>(), (0, 2));
    assert_eq!((calls("outer"), calls("inner")), (1.0, 2.0));
}

#[test]
fn a_function_that_a_macro_writes() {
    macro_rules! function {
        ($name:ident, $type:ty, $body:expr) => {
            #[track_metrics(labels(kind = stringify!($type)))]
            fn $name(value: $type) -> Result<$type, String> {
                let result = $body;
                Ok(value + result)
            }
        };
    }
    function!(written, u8, 1);
    assert_eq!(written(1), Ok(2));
}

#[test]
fn a_test_of_tokio_and_an_attribute_in_either_order() {
    #[tokio::main(flavor = "current_thread")]
    #[track_metrics]
    async fn outside() -> u8 {
        1
    }
    #[track_metrics]
    #[tokio::main(flavor = "current_thread")]
    async fn inside() -> u8 {
        1
    }
    assert_eq!(outside() + inside(), 2);
    assert_eq!((calls("outside"), calls("inside")), (1.0, 1.0));
}

#[test]
fn a_function_that_is_a_pointer_and_a_callback() {
    #[track_metrics]
    fn double(n: u32) -> u32 {
        n * 2
    }
    let pointer: fn(u32) -> u32 = double;
    assert_eq!([1, 2].map(double), [2, 4]);
    assert_eq!(pointer(1), 2);
    assert_eq!(calls("double"), 3.0);
}

#[test]
fn loops_labels_and_let_else_in_the_body() {
    #[track_metrics]
    fn search(rows: &[&[u32]], wanted: u32) -> Option<(usize, usize)> {
        'rows: for (y, row) in rows.iter().enumerate() {
            let [_, ..] = row else { continue 'rows };
            for (x, cell) in row.iter().enumerate() {
                if *cell == wanted {
                    return Some((x, y));
                }
            }
        }
        None
    }
    assert_eq!(search(&[&[], &[1, 2]], 2), Some((1, 1)));
}

#[test]
fn a_result_type_of_ones_own() {
    type Answer<T> = Result<T, std::fmt::Error>;
    #[track_metrics]
    fn answer(fails: bool) -> Answer<u8> {
        if fails { Err(std::fmt::Error) } else { Ok(1) }
    }
    assert!(answer(true).is_err() && answer(false).is_ok());
    assert_eq!(errors("answer", "fmt::Error"), 1.0);
}

#[test]
fn a_function_with_a_lifetime_that_outlives_another() {
    #[track_metrics]
    #[traced]
    fn pick<'a, 'b: 'a>(a: &'a [String], b: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        a.iter().map(String::as_str).chain([b])
    }
    assert_eq!(pick(&["x".to_owned()], "y").collect::<String>(), "xy");
}

#[test]
fn a_function_that_gives_back_a_closure() {
    #[track_metrics]
    fn adder(by: u32) -> impl Fn(u32) -> u32 {
        move |n| n + by
    }
    #[track_metrics]
    fn boxed_adder(by: u32) -> Box<dyn Fn(u32) -> u32> {
        Box::new(move |n| n + by)
    }
    assert_eq!(adder(1)(boxed_adder(2)(3)), 6);
}

#[test]
fn a_future_on_a_runtime_of_many_threads() {
    #[track_metrics(labels(n = n % 2))]
    #[traced]
    #[measure_latency("spawned_seconds")]
    async fn spawned(n: u32) -> u32 {
        tokio::task::yield_now().await;
        n
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..10).map(|n| tokio::spawn(spawned(n))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 45);
    let odd = tripod::counter("spawned_calls_total").build().get(tripod::labels!(n = 1));
    assert_eq!(odd, 5.0);
}
