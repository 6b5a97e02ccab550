// OpenJPH behind a C interface: samples in memory to a reversible HTJ2K codestream. No exception leaves it.

#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_message.h>
#include <openjph/ojph_params.h>

namespace {

// The library prints on standard output, which is not ours to write on.
struct Silence : ojph::message_info {
    void operator()(int, const char *, int, const char *, ...) override {}
};
struct SilentWarning : ojph::message_warning {
    void operator()(int, const char *, int, const char *, ...) override {}
};
struct ThrowingError : ojph::message_error {
    void operator()(int, const char *, int, const char *, ...) override { throw std::runtime_error("OpenJPH"); }
};

// Static initialisation: before there is a second thread.
struct Messages {
    Silence info;
    SilentWarning warning;
    ThrowingError error;
    Messages() {
        ojph::configure_info(&info);
        ojph::configure_warning(&warning);
        ojph::configure_error(&error);
    }
};

void use_our_messages() {
    static Messages messages;
}

} // namespace

// Encodes rows × columns pixels of `components` samples each, by pixel, into a buffer that `farsight_openjph_free`
// frees: one tile, RPCL, `levels` decompositions, blocks of 64 × 64. 0 is success, 1 out of memory, 2 anything else.
extern "C" int farsight_openjph_encode(const int32_t *samples, uint32_t columns, uint32_t rows, uint32_t components,
                                       uint32_t precision, int is_signed, int has_colour_transform, uint32_t levels,
                                       uint8_t **bytes, size_t *length) {
    *bytes = nullptr;
    *length = 0;
    try {
        use_our_messages();
        ojph::codestream codestream;
        ojph::param_siz siz = codestream.access_siz();
        siz.set_image_extent(ojph::point(columns, rows));
        siz.set_num_components(components);
        for (uint32_t c = 0; c < components; ++c)
            siz.set_component(c, ojph::point(1, 1), precision, is_signed != 0);
        siz.set_image_offset(ojph::point(0, 0));
        siz.set_tile_size(ojph::size(columns, rows));
        siz.set_tile_offset(ojph::point(0, 0));
        ojph::param_cod cod = codestream.access_cod();
        cod.set_num_decomposition(levels);
        cod.set_block_dims(64, 64);
        cod.set_progression_order("RPCL");
        cod.set_color_transform(has_colour_transform != 0);
        cod.set_reversible(true);
        codestream.set_planar(false);

        ojph::mem_outfile file;
        file.open();
        codestream.write_headers(&file);
        ojph::ui32 next = 0;
        ojph::line_buf *line = codestream.exchange(nullptr, next);
        for (uint32_t y = 0; y < rows; ++y) {
            for (uint32_t c = 0; c < components; ++c) {
                if (line == nullptr || next >= components || line->size < columns)
                    return 2;
                const int32_t *from = samples + size_t(y) * columns * components + next;
                for (uint32_t x = 0; x < columns; ++x, from += components)
                    line->i32[x] = *from;
                line = codestream.exchange(line, next);
            }
        }
        codestream.flush();
        size_t written = size_t(file.tell());
        uint8_t *copy = static_cast<uint8_t *>(std::malloc(written ? written : 1));
        if (copy == nullptr)
            return 1;
        std::memcpy(copy, file.get_data(), written);
        codestream.close();
        *bytes = copy;
        *length = written;
        return 0;
    } catch (const std::bad_alloc &) {
        return 1;
    } catch (...) {
        return 2;
    }
}

extern "C" void farsight_openjph_free(uint8_t *bytes) {
    std::free(bytes);
}
