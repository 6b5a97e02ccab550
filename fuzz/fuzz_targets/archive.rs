#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wsi::fuzzing::archive(input));
