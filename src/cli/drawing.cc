#include "cli/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "cli/media_files.h"
#include "image/decode.h"
#include "image/draw.h"
#include "image/png.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPaletteMax = 256;

struct ToPng {
  const std::string& file;

  Result<std::vector<std::byte>> operator()(const DetectedObjects& objects) const {
    ACCEL_ASSIGN(const std::string bytes, read_media(file));
    ACCEL_ASSIGN(image::Image image, image::decode(std::as_bytes(std::span(bytes))));
    std::vector<image::LabelledBox> boxes;
    for (const DetectedObject& object : objects) {
      boxes.push_back({.left = static_cast<float>(object.xmin),
                       .top = static_cast<float>(object.ymin),
                       .right = static_cast<float>(object.xmax),
                       .bottom = static_cast<float>(object.ymax),
                       .class_id = static_cast<int>(object.class_id),
                       .label = fmt::format("{} {:.0f}%", object.label, object.score * 100)});
    }
    image::draw_boxes(image, boxes);
    return image::encode_png(image);
  }

  Result<std::vector<std::byte>> operator()(const Segmentation& map) const {
    std::vector<image::Colour> palette;
    for (size_t id = 0; id < kPaletteMax; ++id) {
      palette.push_back(image::class_colour(static_cast<int>(id)));
    }
    // A file of 8 bits numbers 256 classes; those beyond share colours.
    std::vector<uint8_t> values(map.classes.size());
    std::ranges::transform(map.classes, values.begin(),
                           [](uint16_t id) { return static_cast<uint8_t>(id % kPaletteMax); });
    const image::Size size{static_cast<int>(map.width), static_cast<int>(map.height)};
    return image::encode_palette_png({size, values}, palette);
  }

  template <class Other>
  Result<std::vector<std::byte>> operator()(const Other& /*answer*/) const {
    return invalid_argument("--draw: this answer is not about places in an image");
  }
};

}  // namespace

bool can_draw(const std::string& task) {
  return task == "object-detection" || task == "image-segmentation";
}

Result<fs::path> Drawing::next_path(const fs::path& image) {
  if (target_.extension() == ".png") {
    if (!taken_.empty()) {
      return invalid_argument(fmt::format(
          "--draw: expected a folder for several images, found the file {}", target_.string()));
    }
    taken_.insert(target_);
    return target_;
  }
  std::error_code error;
  fs::create_directories(target_, error);
  if (error) return errno_status(error.value(), "create", target_.string());
  const std::string stem = image.stem().string();
  std::string name = stem;
  for (int number = 2; !taken_.insert(name).second; ++number) {
    name = fmt::format("{}-{}", stem, number);
  }
  return target_ / (name + ".png");
}

Result<std::string> Drawing::draw(const TaskResult& answer, const std::string& file) {
  ACCEL_ASSIGN(const fs::path path, next_path(file));
  ACCEL_ASSIGN(const std::vector<std::byte> png, std::visit(ToPng{file}, answer.answer));
  ACCEL_ASSIGN(const auto output, AtomicFile::create(path));
  ACCEL_TRY(output->write({reinterpret_cast<const char*>(png.data()), png.size()}));
  ACCEL_TRY(output->commit());
  return path.string();
}

}  // namespace accel::cli
