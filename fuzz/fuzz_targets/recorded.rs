#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    resurge_fuzz::recorded(data);
});
