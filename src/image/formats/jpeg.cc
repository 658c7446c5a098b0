// JPEG by libjpeg-turbo with its defaults, which are Pillow's: the slow integer DCT and fancy
// upsampling.
//
// The library reports errors by a jump out of its own C code. Each function that calls it catches
// the jump itself and holds nothing that has a destructor.
#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
// jpeglib.h needs FILE and size_t to be declared.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/numbers.h"
#include "image/orientation.h"

namespace accel::image {
namespace {

constexpr int kScansMax = 500;  // djpeg's advice; a progressive file of sense has about ten

// What a call of the library needs and leaves. Plain data: jumps pass over it.
struct JpegReader {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf caller;
  std::array<char, JMSG_LENGTH_MAX> message;
  bool ended_early;
  bool too_many_scans;
};

JpegReader& reader_of(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }

[[noreturn]] void give_up(j_common_ptr jpeg) {
  JpegReader& reader = reader_of(jpeg);
  jpeg->err->format_message(jpeg, reader.message.data());
  std::longjmp(reader.caller, 1);
}

// Damage that the library mends is let pass, as Pillow does, but not a missing end.
void take_message(j_common_ptr jpeg, int level) {
  if (level >= 0 || jpeg->err->msg_code != JWRN_JPEG_EOF) return;
  reader_of(jpeg).ended_early = true;
  give_up(jpeg);
}

void watch_scans(j_common_ptr jpeg) {
  JpegReader& reader = reader_of(jpeg);
  if (reader.jpeg.input_scan_number <= kScansMax) return;
  reader.too_many_scans = true;
  give_up(jpeg);
}

// Each of these is false where the library gave up.
bool read_header(JpegReader& reader, const unsigned char* bytes, unsigned long size) {
  if (setjmp(reader.caller) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.jpeg.client_data = &reader;
  reader.jpeg.progress = &reader.progress;
  jpeg_mem_src(&reader.jpeg, bytes, size);
  jpeg_read_header(&reader.jpeg, TRUE);
  return true;
}

bool start(JpegReader& reader) {
  if (setjmp(reader.caller) != 0) return false;
  jpeg_start_decompress(&reader.jpeg);
  return true;
}

bool read_rows(JpegReader& reader, uint8_t* to, size_t row_bytes, int rows) {
  if (setjmp(reader.caller) != 0) return false;
  for (int i = 0; i < rows; ++i) {
    JSAMPROW row = to + row_bytes * static_cast<size_t>(i);
    jpeg_read_scanlines(&reader.jpeg, &row, 1);
  }
  return true;
}

bool finish(JpegReader& reader) {
  if (setjmp(reader.caller) != 0) return false;
  jpeg_finish_decompress(&reader.jpeg);
  return true;
}

// The library's state, released at the end.
class JpegDecoder {
 public:
  JpegDecoder() {
    reader_.jpeg.err = jpeg_std_error(&reader_.errors);
    reader_.jpeg.client_data = &reader_;
    reader_.errors.error_exit = give_up;
    reader_.errors.emit_message = take_message;
    reader_.progress.progress_monitor = watch_scans;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&reader_.jpeg); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  JpegReader& reader() { return reader_; }

  Status failure(Bytes file) const {
    if (reader_.ended_early) return ends_early(file, "the rest of the pixels");
    if (reader_.too_many_scans) {
      return resource_exhausted(fmt::format(
          "expected at most {} scans, found more: it may be made to cost time", kScansMax));
    }
    if (reader_.errors.msg_code == JERR_OUT_OF_MEMORY) {
      return resource_exhausted("no memory for its pixels");
    }
    return data_loss(fmt::format("the file is damaged or no JPEG that libjpeg knows: {}",
                                 reader_.message.data()));
  }

 private:
  JpegReader reader_{};
};

// CMYK as Adobe writes it, inverted. Pillow's formula.
void cmyk_to_rgb(std::span<const uint8_t> from, std::span<uint8_t> to) {
  for (size_t i = 0; i < to.size() / kChannels; ++i) {
    const int white = from[4 * i + 3];
    for (size_t c = 0; c < kChannels; ++c) {
      const int ink = (255 - from[4 * i + c]) * white + 128;
      to[kChannels * i + c] = static_cast<uint8_t>(std::max(white - (((ink >> 8) + ink) >> 8), 0));
    }
  }
}

std::optional<int> orientation_of(Bytes exif, Bytes xmp) {
  const std::optional<int> stated = exif_orientation(exif);
  return stated ? stated : xmp_orientation(chars(xmp));
}

// Walks the segments before the first scan for the metadata.
int find_orientation(Bytes file) {
  constexpr uint8_t kApp1 = 0xE1;
  constexpr uint8_t kScan = 0xDA;
  constexpr uint8_t kEnd = 0xD9;
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  Bytes exif;
  Bytes xmp;
  size_t at = 2;
  while (file.size() >= at + 4 && number8(file, at) == 0xFF) {
    const uint8_t marker = number8(file, at + 1);
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == kScan || marker == kEnd) break;
    const size_t length = big<uint16_t>(file, at + 2);
    if (length < 2 || file.size() - at - 2 < length) break;
    const Bytes content = file.subspan(at + 4, length - 2);
    if (marker == kApp1 && exif.empty() && has_at(content, 0, kExif)) exif = content;
    if (marker == kApp1 && has_at(content, 0, kXmp)) xmp = content.subspan(kXmp.size());
    at += 2 + length;
  }
  return orientation_of(exif, xmp).value_or(1);
}

// Colour spaces that become RGB, and those of four inks that become CMYK.
Status choose_colours(jpeg_decompress_struct& jpeg) {
  if (jpeg.num_components == 4) {
    jpeg.out_color_space = JCS_CMYK;
  } else if (jpeg.num_components == 1 || jpeg.num_components == kChannels) {
    jpeg.out_color_space = JCS_RGB;
  } else {
    return unimplemented(fmt::format("{} colour components are not supported; expected 1, 3 or 4",
                                     jpeg.num_components));
  }
  return {};
}

// Huffman-coded pixels take a bit for 64 of them at the least, so a small file has few.
Status check_ratio(Bytes file, const jpeg_decompress_struct& jpeg, Size size) {
  constexpr uint64_t kPixelsPerByteMax = 1024;  // twice what can be
  if (jpeg.arith_code || size.pixels() / kPixelsPerByteMax <= file.size()) return {};
  return data_loss(fmt::format("{} bytes cannot hold {}x{} pixels: the file is damaged",
                               file.size(), size.width, size.height));
}

Result<Image> read_cmyk(JpegDecoder& decoder, Bytes file, Image image) {
  std::vector<uint8_t> row(static_cast<size_t>(image.size.width) * 4);
  for (int y = 0; y < image.size.height; ++y) {
    if (!read_rows(decoder.reader(), row.data(), row.size(), 1)) return decoder.failure(file);
    cmyk_to_rgb(row, image.row(y));
  }
  return image;
}

}  // namespace

bool is_jpeg(Bytes file) { return has_at(file, 0, "\xFF\xD8\xFF"); }

Result<Decoded> decode_jpeg(Bytes file, const DecodeLimits& limits) {
  JpegDecoder decoder;
  JpegReader& reader = decoder.reader();
  if (!read_header(reader, reinterpret_cast<const unsigned char*>(file.data()), file.size())) {
    return decoder.failure(file);
  }
  ACCEL_ASSIGN(const Size size,
               check_size(reader.jpeg.image_width, reader.jpeg.image_height, limits));
  ACCEL_TRY(check_ratio(file, reader.jpeg, size));
  ACCEL_TRY(choose_colours(reader.jpeg));
  ACCEL_ASSIGN(Image image, black_image(size));
  if (!start(reader)) return decoder.failure(file);
  if (reader.jpeg.out_color_space == JCS_CMYK) {
    ACCEL_ASSIGN(image, read_cmyk(decoder, file, std::move(image)));
  } else if (!read_rows(reader, image.pixels.data(), image.row_bytes(), size.height)) {
    return decoder.failure(file);
  }
  if (!finish(reader)) return decoder.failure(file);
  return Decoded{std::move(image), find_orientation(file)};
}

}  // namespace accel::image
