//! What can't be derived, and where an attribute can't stand, does not compile, and the message says what is expected.

#[test]
fn mistakes_do_not_compile_and_the_message_says_what_is_expected() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
