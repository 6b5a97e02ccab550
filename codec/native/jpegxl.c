// libjxl 0.7 and later behind four functions, compiled against its own headers, so that no structure is copied by hand.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jxl/decode.h>
#include <jxl/encode.h>

// What went wrong: decided by the caller.
enum { DONE = 0, DAMAGED = 1, NO_MEMORY = 2, NOT_SUPPORTED = 3, OTHER_SHAPE = 4 };

struct farsight_jxl_shape {
    uint32_t columns, rows, samples, precision;
};

// Fails when the codestream is not a single image of integers of that shape; a precision of 0 allows any up to 16.
static int check_shape(const JxlBasicInfo *info, const struct farsight_jxl_shape *shape) {
    if (info->xsize != shape->columns || info->ysize != shape->rows || info->num_color_channels != shape->samples)
        return OTHER_SHAPE;
    if (info->num_extra_channels != 0 || info->have_animation || info->exponent_bits_per_sample != 0 ||
        info->orientation != JXL_ORIENT_IDENTITY)
        return NOT_SUPPORTED;
    if (info->bits_per_sample == 0 || info->bits_per_sample > 16)
        return NOT_SUPPORTED;
    return shape->precision == 0 || info->bits_per_sample <= shape->precision ? DONE : OTHER_SHAPE;
}

// Decodes into `pixels`, by pixel, two bytes a sample in the machine's order when `bytes_per_sample` is 2: scaled to
// 255 or 65535. `precision` becomes the bits of the codestream. With `pixels` NULL only the header is read.
int farsight_jxl_decode(const uint8_t *source, size_t length, const struct farsight_jxl_shape *shape,
                        uint32_t bytes_per_sample, uint8_t *pixels, size_t pixels_length, uint32_t *precision) {
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    if (decoder == NULL)
        return NO_MEMORY;
    JxlPixelFormat format = {shape->samples, bytes_per_sample == 2 ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
                             JXL_NATIVE_ENDIAN, 0};
    int result = DAMAGED, images = 0;
    if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetKeepOrientation(decoder, JXL_TRUE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, source, length) != JXL_DEC_SUCCESS)
        goto end;
    JxlDecoderCloseInput(decoder);
    for (;;) {
        JxlDecoderStatus status = JxlDecoderProcessInput(decoder);
        if (status == JXL_DEC_BASIC_INFO) {
            JxlBasicInfo info;
            if (JxlDecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS)
                goto end;
            int shaped = check_shape(&info, shape);
            if (shaped != DONE) {
                result = shaped;
                goto end;
            }
            *precision = info.bits_per_sample;
            if (pixels == NULL) {
                result = DONE;
                goto end;
            }
        } else if (status == JXL_DEC_NEED_IMAGE_OUT_BUFFER) {
            size_t needed = 0;
            if (JxlDecoderImageOutBufferSize(decoder, &format, &needed) != JXL_DEC_SUCCESS || needed != pixels_length ||
                JxlDecoderSetImageOutBuffer(decoder, &format, pixels, pixels_length) != JXL_DEC_SUCCESS)
                goto end;
        } else if (status == JXL_DEC_FULL_IMAGE) {
            images += 1;
        } else if (status == JXL_DEC_SUCCESS) {
            result = images == 1 ? DONE : DAMAGED;
            goto end;
        } else {
            goto end;
        }
    }
end:
    JxlDecoderDestroy(decoder);
    return result;
}

// The JPEG that `source` was made from, in a buffer that `farsight_jxl_free` frees: at most `length_max` bytes.
// NOT_SUPPORTED when it was not made from one.
int farsight_jxl_to_jpeg(const uint8_t *source, size_t length, const struct farsight_jxl_shape *shape,
                         size_t length_max, uint8_t **jpeg, size_t *jpeg_length) {
    *jpeg = NULL;
    *jpeg_length = 0;
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    if (decoder == NULL)
        return NO_MEMORY;
    size_t room = 0, filled = 0;
    uint8_t *buffer = NULL;
    int result = DAMAGED, is_jpeg = 0, is_whole = 0, is_shaped = 0;
    if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_JPEG_RECONSTRUCTION | JXL_DEC_FULL_IMAGE) !=
            JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, source, length) != JXL_DEC_SUCCESS)
        goto end;
    JxlDecoderCloseInput(decoder);
    for (;;) {
        JxlDecoderStatus status = JxlDecoderProcessInput(decoder);
        if (status == JXL_DEC_BASIC_INFO) {
            JxlBasicInfo info;
            if (JxlDecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS)
                goto end;
            int shaped = check_shape(&info, shape);
            if (shaped != DONE) {
                result = shaped;
                goto end;
            }
            is_shaped = 1;
        } else if (status == JXL_DEC_JPEG_RECONSTRUCTION || status == JXL_DEC_JPEG_NEED_MORE_OUTPUT) {
            if (status == JXL_DEC_JPEG_RECONSTRUCTION)
                is_jpeg = 1;
            else
                filled = room - JxlDecoderReleaseJPEGBuffer(decoder);
            size_t wanted = room == 0 ? length + length / 2 + 4096 : room * 2;
            if (wanted > length_max)
                wanted = length_max;
            uint8_t *grown = wanted > room ? realloc(buffer, wanted) : NULL;
            if (grown == NULL) {
                result = NO_MEMORY;
                goto end;
            }
            buffer = grown;
            room = wanted;
            if (JxlDecoderSetJPEGBuffer(decoder, buffer + filled, room - filled) != JXL_DEC_SUCCESS)
                goto end;
        } else if (status == JXL_DEC_NEED_IMAGE_OUT_BUFFER) {
            // Pixels come although a JPEG was asked for: there is none inside.
            result = NOT_SUPPORTED;
            goto end;
        } else if (status == JXL_DEC_FULL_IMAGE) {
            if (is_jpeg) {
                filled = room - JxlDecoderReleaseJPEGBuffer(decoder);
                is_whole = 1;
            }
        } else if (status == JXL_DEC_SUCCESS) {
            result = is_jpeg && is_whole && is_shaped ? DONE : DAMAGED;
            goto end;
        } else {
            goto end;
        }
    }
end:
    JxlDecoderDestroy(decoder);
    if (result == DONE) {
        *jpeg = buffer;
        *jpeg_length = filled;
    } else {
        free(buffer);
    }
    return result;
}

// Everything that the encoder has to give, at most `length_max` bytes.
static int drain(JxlEncoder *encoder, size_t length_max, uint8_t **bytes, size_t *length) {
    size_t room = 1 << 16, filled = 0;
    uint8_t *buffer = malloc(room);
    if (buffer == NULL)
        return NO_MEMORY;
    for (;;) {
        uint8_t *next = buffer + filled;
        size_t left = room - filled;
        JxlEncoderStatus status = JxlEncoderProcessOutput(encoder, &next, &left);
        filled = (size_t)(next - buffer);
        if (status == JXL_ENC_SUCCESS) {
            *bytes = buffer;
            *length = filled;
            return DONE;
        }
        uint8_t *grown = status == JXL_ENC_NEED_MORE_OUTPUT && room * 2 <= length_max ? realloc(buffer, room * 2) : NULL;
        if (grown == NULL) {
            free(buffer);
            return status == JXL_ENC_NEED_MORE_OUTPUT ? NO_MEMORY : NOT_SUPPORTED;
        }
        buffer = grown;
        room *= 2;
    }
}

// Recompresses a JPEG so that its bytes can be had again, into a buffer that `farsight_jxl_free` frees.
int farsight_jxl_from_jpeg(const uint8_t *jpeg, size_t length, uint8_t **bytes, size_t *bytes_length) {
    *bytes = NULL;
    *bytes_length = 0;
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    if (encoder == NULL)
        return NO_MEMORY;
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
    int result = NOT_SUPPORTED;
    if (settings != NULL && JxlEncoderUseContainer(encoder, JXL_TRUE) == JXL_ENC_SUCCESS &&
        JxlEncoderStoreJPEGMetadata(encoder, JXL_TRUE) == JXL_ENC_SUCCESS &&
        JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, 5) == JXL_ENC_SUCCESS &&
        JxlEncoderAddJPEGFrame(settings, jpeg, length) == JXL_ENC_SUCCESS) {
        JxlEncoderCloseInput(encoder);
        result = drain(encoder, length * 4 + (1 << 20), bytes, bytes_length);
    }
    JxlEncoderDestroy(encoder);
    return result;
}

// Encodes unsigned samples by pixel without loss; two bytes a sample in the machine's order above 8 bits of precision.
int farsight_jxl_encode(const uint8_t *pixels, size_t pixels_length, const struct farsight_jxl_shape *shape,
                        uint8_t **bytes, size_t *bytes_length) {
    *bytes = NULL;
    *bytes_length = 0;
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    if (encoder == NULL)
        return NO_MEMORY;
    JxlBasicInfo info;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = shape->columns;
    info.ysize = shape->rows;
    info.bits_per_sample = shape->precision;
    info.num_color_channels = shape->samples;
    info.uses_original_profile = JXL_TRUE;
    JxlColorEncoding colours;
    JxlColorEncodingSetToSRGB(&colours, shape->samples == 1 ? JXL_TRUE : JXL_FALSE);
    JxlPixelFormat format = {shape->samples, shape->precision > 8 ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
                             JXL_NATIVE_ENDIAN, 0};
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
    int result = NOT_SUPPORTED;
    // Level 10: more than 12 bits are not in level 5 (ISO/IEC 18181-1 Annex M).
    if (settings != NULL && (shape->precision <= 12 || JxlEncoderSetCodestreamLevel(encoder, 10) == JXL_ENC_SUCCESS) &&
        JxlEncoderSetBasicInfo(encoder, &info) == JXL_ENC_SUCCESS &&
        JxlEncoderSetColorEncoding(encoder, &colours) == JXL_ENC_SUCCESS &&
        JxlEncoderSetFrameLossless(settings, JXL_TRUE) == JXL_ENC_SUCCESS &&
        JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, 3) == JXL_ENC_SUCCESS &&
        JxlEncoderAddImageFrame(settings, &format, pixels, pixels_length) == JXL_ENC_SUCCESS) {
        JxlEncoderCloseInput(encoder);
        result = drain(encoder, pixels_length * 4 + (1 << 20), bytes, bytes_length);
    }
    JxlEncoderDestroy(encoder);
    return result;
}

void farsight_jxl_free(uint8_t *bytes) {
    free(bytes);
}
