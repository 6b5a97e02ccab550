//! Compiles the C interfaces of OpenJPH and libjxl, and links the two libraries (Debian: libopenjph-dev, libjxl-dev).

fn main() {
    println!("cargo::rerun-if-changed=native");
    cc::Build::new()
        .cpp(true)
        .std("c++14")
        .warnings(true)
        .extra_warnings(true)
        .flag_if_supported("-Wno-unused-parameter")
        .file("native/openjph.cpp")
        .compile("farsight_openjph");
    cc::Build::new()
        .std("c11")
        .warnings(true)
        .extra_warnings(true)
        .file("native/jpegxl.c")
        .compile("farsight_jpegxl");
    println!("cargo::rustc-link-lib=openjph");
    println!("cargo::rustc-link-lib=jxl");
}
