#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dataset::fuzzing::character_set(input));
