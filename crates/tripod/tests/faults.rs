//! What a destination can do wrong, by OTLP over HTTP: the program is never held up, what is lost is counted, and what can be delivered
//! later is. The results stand in `docs/how-to/export/when-it-fails.md`.

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::{Duration, SystemTime};

use common::http::span_names;
use common::scripted::{Do, Scripted};
use tripod::{Builder, Delivery, DropReason, Guard};
use tripod_wire::otlp::{ExportResponse, PartialSuccess};
use tripod_wire::proto::Message;

/// A program that sends spans there, one turn at a time.
struct Program {
    guard: Option<Guard>,
    made: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Program {
    fn start(address: SocketAddr) -> Self {
        Self::start_with(address, |builder| builder)
    }

    fn start_with(address: SocketAddr, change: impl FnOnce(Builder) -> Builder) -> Self {
        let turn = common::turn();
        let builder = tripod::init().otlp_endpoint(&format!("http://{address}")).metrics(false).logs(false);
        let builder = builder.schedule_delay(Duration::from_millis(5)).export_timeout(Duration::from_secs(60));
        let guard = change(builder.shutdown_timeout(common::PATIENCE)).start().unwrap();
        Self { guard: Some(guard), made: 0, _turn: turn }
    }

    /// Makes spans and goes on; they have numbers for names.
    fn make(&mut self, spans: usize) {
        for _ in 0..spans {
            tripod::span!(self.made.to_string()).end();
            self.made += 1;
        }
    }

    fn guard(&self) -> &Guard {
        self.guard.as_ref().unwrap()
    }

    fn flush(&self) {
        assert!(self.guard().flush(), "everything is delivered, or lost and counted");
    }

    /// What became of the spans. None is missing.
    fn spans(&self) -> Delivery {
        let spans = self.guard().stats().exporters[0].spans.clone();
        assert_eq!(spans.offered, self.made as u64);
        assert_eq!(spans.offered, spans.exported + spans.dropped() + spans.queued);
        spans
    }

    /// That all of them arrived, each once.
    fn assert_all_arrived(&self, taken: &[Vec<u8>]) {
        assert_eq!((self.spans().exported, self.spans().dropped()), (self.made as u64, 0));
        let names = span_names(taken);
        assert_eq!(names.len(), self.made, "each once");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), self.made);
    }

    fn lost(&self, why: DropReason) -> u64 {
        self.spans().dropped_by_reason[why as usize]
    }
}

/// The script's first answers, then success.
fn first(bad: impl IntoIterator<Item = Do>) -> impl FnMut(usize) -> Do {
    let mut bad = bad.into_iter().collect::<std::collections::VecDeque<_>>();
    move |_| bad.pop_front().unwrap_or_else(Do::accept)
}

#[test]
fn a_receiver_that_is_down_at_the_start_gets_everything_once_it_is_up() {
    let address = Scripted::nowhere();
    let mut program = Program::start(address);
    program.make(1000);
    common::wait_until(|| program.guard().stats().exporters[0].spans.offered == 1000);
    let receiver = Scripted::start_at(address, first([]));
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn a_receiver_that_dies_and_comes_back_misses_nothing() {
    let receiver = Scripted::start(first([]));
    let mut program = Program::start(receiver.address);
    program.make(100);
    program.flush();
    let (address, mut taken) = (receiver.address, receiver.taken());
    // Its connections with it.
    drop(receiver);
    program.make(100);
    common::wait_until(|| program.guard().stats().exporters[0].spans.offered == 200);
    let receiver = Scripted::start_at(address, first([]));
    program.make(100);
    program.flush();
    taken.extend(receiver.taken());
    program.assert_all_arrived(&taken);
}

/// The request is sent again until it is taken; nothing is lost.
fn is_sent_again(bad: Do) {
    let receiver = Scripted::start(first([bad.clone(), bad]));
    let mut program =
        Program::start_with(receiver.address, |builder| builder.export_timeout(Duration::from_millis(200)));
    program.make(1000);
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn a_receiver_that_accepts_and_never_answers_is_given_up_and_tried_again() {
    is_sent_again(Do::Hang);
}

#[test]
fn a_request_that_is_read_a_byte_at_a_time_is_given_up_and_sent_again() {
    is_sent_again(Do::ReadSlowly(Duration::from_millis(10)));
}

#[test]
fn a_connection_cut_in_the_middle_of_the_request_is_made_anew() {
    is_sent_again(Do::CutAfter(300));
}

#[test]
fn an_answer_whose_headers_never_end_is_no_answer() {
    is_sent_again(Do::EndlessHeaders);
}

#[test]
fn what_a_receiver_refuses_for_now_is_sent_again() {
    for status in [429, 502, 503, 504] {
        is_sent_again(Do::status(status));
    }
}

#[test]
fn an_endless_reason_for_a_refusal_is_not_read_to_its_end() {
    is_sent_again(Do::EndlessBody(503));
    let receiver = Scripted::start(|_| Do::EndlessBody(400));
    let mut program = Program::start_with(receiver.address, |builder| builder.max_batch(1000));
    program.make(10);
    program.flush();
    assert_eq!(program.lost(DropReason::Failed), 10);
}

/// Without a flush, which hurries, the receiver's wish is followed.
fn waits_as_asked(headers: &'static str, at_least: Duration) {
    for status in [429, 503] {
        let receiver = Scripted::start(first([Do::Answer(status, headers, Vec::new())]));
        let mut program = Program::start(receiver.address);
        program.make(1);
        let start = std::time::Instant::now();
        common::wait_until(|| !receiver.taken().is_empty());
        assert!(start.elapsed() >= at_least, "{status} {headers} {:?}", start.elapsed());
        program.flush();
        program.assert_all_arrived(&receiver.taken());
    }
}

#[test]
fn a_receiver_that_names_seconds_is_left_alone_for_so_long() {
    waits_as_asked("retry-after: 1\r\n", Duration::from_secs(1));
}

#[test]
fn a_receiver_that_names_a_date_is_left_alone_until_then() {
    // A date has whole seconds: it is between one second from now and two.
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let header = format!("retry-after: {date}\r\n").leak();
    let receiver = Scripted::start(first([Do::Answer(503, header, Vec::new())]));
    let mut program = Program::start(receiver.address);
    program.make(1);
    common::wait_until(|| !receiver.taken().is_empty());
    assert!(SystemTime::now() >= httpdate::parse_http_date(&date).unwrap());
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn a_wish_for_an_hour_does_not_hold_up_a_flush() {
    let receiver = Scripted::start(first([Do::Answer(429, "retry-after: 3600\r\n", Vec::new())]));
    let mut program = Program::start(receiver.address);
    program.make(1);
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn what_a_receiver_refuses_for_good_is_lost_and_counted_and_the_rest_goes_on() {
    let receiver = Scripted::start(first([Do::Answer(400, "", b"no such tenant".to_vec())]));
    let mut program = Program::start(receiver.address);
    program.make(10);
    program.flush();
    let refused = program.lost(DropReason::Failed);
    assert!(refused > 0);
    program.make(10);
    program.flush();
    assert_eq!((program.lost(DropReason::Failed), program.spans().exported), (refused, 20 - refused));
    assert_eq!(span_names(&receiver.taken()).len() as u64, 20 - refused);
}

#[test]
fn records_that_the_receiver_leaves_out_are_counted_as_rejected() {
    let partial = PartialSuccess { rejected: 3, error_message: "too old".to_owned() };
    let answer = ExportResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = Scripted::start(first([Do::Answer(200, "", answer)]));
    let mut program = Program::start_with(receiver.address, |builder| builder.schedule_delay(Duration::from_secs(60)));
    program.make(10);
    program.flush();
    assert_eq!((program.lost(DropReason::Rejected), program.spans().exported), (3, 7));
}

#[test]
fn a_receiver_of_logs_that_hangs_does_not_hold_up_spans_that_go_elsewhere() {
    let (good, hangs) = (Scripted::start(first([])), Scripted::start(|_| Do::Hang));
    let mut program = Program::start_with(good.address, |builder| {
        let logs = format!("{}/v1/logs", hangs.url());
        let builder = builder.logs(true).otlp_signal_endpoint(tripod::Signal::Logs, &logs);
        builder.shutdown_timeout(Duration::from_millis(300))
    });
    for _ in 0..10 {
        tripod::info!("to nobody");
        program.make(10);
        let made = program.made;
        // Within far less than the minute after which the request with logs is given up.
        common::wait_until(|| span_names(&good.taken()).len() == made);
    }
    program.assert_all_arrived(&good.taken());
    let stats = program.guard().stats();
    assert_eq!((stats.exporters.len(), stats.exporters[1].logs.exported), (2, 0));
}

#[test]
fn a_request_that_is_too_large_is_sent_in_halves() {
    let receiver = Scripted::start(first([Do::status(413), Do::status(413)]));
    let mut program = Program::start_with(receiver.address, |builder| builder.schedule_delay(Duration::from_secs(60)));
    program.make(100);
    program.flush();
    program.assert_all_arrived(&receiver.taken());
    let sizes: Vec<_> = receiver.taken().iter().map(|body| span_names(std::slice::from_ref(body)).len()).collect();
    assert_eq!(sizes, [25, 25, 50]);
}

#[test]
fn an_answer_cut_after_its_status_is_a_success() {
    let receiver = Scripted::start(first([Do::CutAnswer]));
    let mut program = Program::start(receiver.address);
    program.make(100);
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn an_answer_that_comes_a_byte_at_a_time_is_waited_for_within_the_timeout() {
    let receiver = Scripted::start(first([Do::Trickle(Duration::from_millis(5))]));
    let mut program = Program::start(receiver.address);
    program.make(100);
    program.flush();
    program.assert_all_arrived(&receiver.taken());
}

#[test]
fn an_answer_that_takes_longer_than_the_timeout_may_make_a_batch_arrive_twice() {
    let receiver = Scripted::start(first([Do::Trickle(Duration::from_millis(50))]));
    let timeout = |builder: Builder| builder.export_timeout(Duration::from_millis(200));
    let mut program =
        Program::start_with(receiver.address, |builder| timeout(builder).schedule_delay(Duration::from_secs(60)));
    program.make(100);
    program.flush();
    assert_eq!((program.spans().exported, program.spans().dropped()), (100, 0));
    let names = span_names(&receiver.taken());
    assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (200, 100));
}

#[test]
fn a_receiver_that_never_comes_costs_memory_up_to_the_limit_and_the_oldest_records() {
    let mut program = Program::start_with(Scripted::nowhere(), |builder| {
        builder.queue_memory(64 << 10).record_memory(64 << 20).shutdown_timeout(Duration::from_millis(300))
    });
    program.make(20_000);
    common::wait_until(|| program.guard().stats().exporters[0].spans.offered == 20_000);
    assert!(!program.guard().flush());
    let lost = program.lost(DropReason::QueueFull);
    assert!(lost > 15_000, "{lost} of 20,000 do not fit into 64 KiB");
    let end = program.guard.take().unwrap();
    assert!(!common::in_time(move || end.shutdown()), "it ends at its deadline");
}
