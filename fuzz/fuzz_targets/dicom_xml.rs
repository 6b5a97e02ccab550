#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dataset::fuzzing::dicom_xml(input));
