// PNG by libpng. As in jpeg.cc, a function that calls the library catches its jump and holds
// nothing that has a destructor.
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/png_chunks.h"

namespace accel::image {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1A\n", 8);

// What a call of the library needs and leaves. Plain data: jumps pass over it.
struct PngReader {
  png_structp png;
  png_infop info;
  const std::byte* file;
  size_t file_bytes;
  size_t at;
  bool ended_early;
  std::array<char, 128> message;
};

[[noreturn]] void give_up(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  std::strncpy(reader.message.data(), message, reader.message.size() - 1);
  png_longjmp(png, 1);
}

void pass_over(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, size_t size) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (reader.file_bytes - reader.at < size) {
    reader.ended_early = true;
    png_error(png, "the file ends early");
  }
  std::memcpy(to, reader.file + reader.at, size);
  reader.at += size;
}

// Each of these is false where the library gave up.
bool read_header(PngReader& reader) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, give_up, pass_over);
  if (reader.png == nullptr) return false;
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reader.png, reader.info);
  return true;
}

// `row_bytes` is that of the rows in `to`.
bool read_pixels(PngReader& reader, bool keep_16_bits, uint8_t* to, size_t row_bytes) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  if (!keep_16_bits) {
    png_set_palette_to_rgb(reader.png);
    png_set_expand_gray_1_2_4_to_8(reader.png);
    png_set_strip_16(reader.png);
    png_set_gray_to_rgb(reader.png);
    png_set_strip_alpha(reader.png);
  }
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "odd rows");
  const png_uint_32 rows = png_get_image_height(reader.png, reader.info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < rows; ++y) {
      png_read_row(reader.png, to + row_bytes * y, nullptr);
    }
  }
  return true;
}

// The library's state, released at the end.
class PngDecoder {
 public:
  explicit PngDecoder(Bytes file) {
    reader_.file = file.data();
    reader_.file_bytes = file.size();
  }
  ~PngDecoder() { png_destroy_read_struct(&reader_.png, &reader_.info, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  PngReader& reader() { return reader_; }

  Status failure(Bytes file) const {
    if (reader_.ended_early) return ends_early(file, "the rest of its chunks");
    return data_loss(fmt::format("the file is damaged (before byte {}): {}", reader_.at,
                                 reader_.message.data()));
  }

 private:
  PngReader reader_{};
};

// Deflate packs 1032 to 1 at best (https://www.zlib.net/zlib_tech.html), so a small file has few
// pixels.
Status check_ratio(Bytes file, const PngReader& reader, Size size) {
  constexpr uint64_t kRatioMax = 1032;
  const uint64_t bytes =
      uint64_t{png_get_rowbytes(reader.png, reader.info)} * static_cast<uint64_t>(size.height);
  if (bytes / kRatioMax <= file.size()) return {};
  return data_loss(fmt::format("{} bytes cannot hold {}x{} pixels: the file is damaged",
                               file.size(), size.width, size.height));
}

// 16-bit grey, high byte first, is clipped to 8 bits.
Result<Image> read_deep_grey(PngDecoder& decoder, Bytes file, Image image) {
  std::vector<uint8_t> deep;
  try {
    deep.resize(static_cast<size_t>(image.size.pixels()) * 2);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("no memory for its pixels");
  }
  const size_t row_bytes = static_cast<size_t>(image.size.width) * 2;
  if (!read_pixels(decoder.reader(), true, deep.data(), row_bytes)) return decoder.failure(file);
  for (size_t i = 0; i < deep.size() / 2; ++i) {
    const uint8_t grey = deep[2 * i] == 0 ? deep[2 * i + 1] : 255;
    std::fill_n(&image.pixels[kChannels * i], kChannels, grey);
  }
  return image;
}

}  // namespace

bool is_png(Bytes file) { return has_at(file, 0, kSignature); }

Result<Decoded> decode_png(Bytes file, const DecodeLimits& limits) {
  PngDecoder decoder(file);
  PngReader& reader = decoder.reader();
  if (!read_header(reader)) return decoder.failure(file);
  ACCEL_ASSIGN(const Size size, check_size(png_get_image_width(reader.png, reader.info),
                                           png_get_image_height(reader.png, reader.info), limits));
  ACCEL_TRY(check_ratio(file, reader, size));
  ACCEL_ASSIGN(Image image, black_image(size));
  const bool deep_grey = png_get_color_type(reader.png, reader.info) == PNG_COLOR_TYPE_GRAY &&
                         png_get_bit_depth(reader.png, reader.info) == 16;
  if (deep_grey) {
    ACCEL_ASSIGN(image, read_deep_grey(decoder, file, std::move(image)));
  } else if (!read_pixels(reader, false, image.pixels.data(), image.row_bytes())) {
    return decoder.failure(file);
  }
  return Decoded{std::move(image), png_orientation(file)};
}

}  // namespace accel::image
