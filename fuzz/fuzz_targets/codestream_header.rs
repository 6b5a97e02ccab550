#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| codec::fuzzing::codestream_header(input));
