#include "image/processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "image/fixtures.h"

namespace accel::image {
namespace {

using testing::HasSubstr;

ImageProcessor made(const Json& config) {
  Result<ImageProcessor> processor = ImageProcessor::create(config.dump());
  EXPECT_TRUE(processor.ok()) << config.dump() << ": " << processor.status().to_string();
  return processor.ok() ? *processor : ImageProcessor(ProcessorConfig{});
}

std::string processor_refusal(std::string_view text, std::string_view model_type = {}) {
  const Result<ImageProcessor> processor = ImageProcessor::create(text, model_type);
  EXPECT_FALSE(processor.ok()) << text;
  return processor.status().message();
}

// Each image is decoded once.
const Image& source(const std::string& name) {
  static std::map<std::string, Image> images;
  const auto found = images.find(name);
  return found != images.end() ? found->second : images[name] = decoded(name);
}

// The image as a batch of one, without the dimension of the batch.
Result<Tensor> alone(const ImageProcessor& processor, const Image& image) {
  const Result<ProcessedImage> processed = processor.process(image);
  if (!processed.ok()) return processed.status();
  const Result<ProcessedBatch> batch = processor.batch(std::array{*processed});
  if (!batch.ok()) return batch.status();
  const Shape& shape = batch->pixel_values.shape();
  return batch->pixel_values.reshaped({shape[1], shape[2], shape[3]});
}

void expect_image(const ImageProcessor& processor, const Json& expected, const std::string& what) {
  const Result<Tensor> found = alone(processor, source(expected["image"]));
  if (!expected.contains("shape")) {
    EXPECT_FALSE(found.ok()) << what;
    return;
  }
  ASSERT_TRUE(found.ok()) << what << ": " << found.status().to_string();
  EXPECT_EQ(found->shape(), expected["shape"].get<Shape>()) << what;
  const auto values = found->data<float>();
  EXPECT_EQ(values[values.size() / 2], expected["middle"].get<float>()) << what;
  EXPECT_EQ(checksum(values), expected["crc32"].get<uint32_t>()) << what;
}

TEST(ImageProcessor, GivesTheReferencesBits) {
  size_t count = 0;
  for (const Json& entry : fixture_json("processors.json")) {
    const ImageProcessor processor = made(entry["config"]);
    for (const Json& expected : entry["images"]) {
      expect_image(processor, expected,
                   entry["config"].dump() + " of " + expected["image"].get<std::string>());
      ++count;
    }
  }
  EXPECT_GT(count, 250U);
}

TEST(ImageProcessor, GivesTheReferencesBatches) {
  size_t masks = 0;
  for (const Json& entry : fixture_json("processors.json")) {
    if (!entry.contains("batch")) continue;
    const std::string what = entry["config"].dump();
    const ImageProcessor processor = made(entry["config"]);
    std::vector<ProcessedImage> images;
    for (const Json& name : entry["batch"]["images"]) {
      images.push_back(*processor.process(source(name)));
    }
    const Result<ProcessedBatch> batch = processor.batch(images);
    ASSERT_TRUE(batch.ok()) << what << ": " << batch.status().to_string();
    EXPECT_EQ(batch->pixel_values.shape(), entry["batch"]["shape"].get<Shape>()) << what;
    EXPECT_EQ(checksum(batch->pixel_values.data<float>()), entry["batch"]["crc32"].get<uint32_t>())
        << what;
    ASSERT_EQ(batch->pixel_mask.has_value(), entry["batch"].contains("mask_crc32")) << what;
    if (!batch->pixel_mask) continue;
    EXPECT_EQ(checksum(batch->pixel_mask->data<int64_t>()),
              entry["batch"]["mask_crc32"].get<uint32_t>())
        << what;
    ++masks;
  }
  EXPECT_GE(masks, 5U);
}

TEST(ImageProcessor, TellsTheSizes) {
  const ImageProcessor processor =
      made({{"image_processor_type", "CLIPImageProcessor"}, {"size", 32}, {"crop_size", 30}});
  const ProcessedImage image = *processor.process(source("middle.png"));
  EXPECT_EQ(image.original, (Size{83, 61}));
  EXPECT_EQ(image.scaled, (Size{43, 32}));
  EXPECT_EQ(image.pixel_values.shape(), (Shape{3, 30, 30}));
}

TEST(ImageProcessor, FindsItsClass) {
  const auto kind = [](std::string_view text, std::string_view model_type = {}) {
    const Result<ImageProcessor> processor = ImageProcessor::create(text, model_type);
    EXPECT_TRUE(processor.ok()) << processor.status().to_string();
    return processor.ok() ? processor->config().kind : ProcessorKind::kVit;
  };
  EXPECT_EQ(kind(R"({"image_processor_type": "CLIPImageProcessorFast"})"), ProcessorKind::kClip);
  EXPECT_EQ(kind(R"({"image_processor_type": "BeitFeatureExtractor"})"), ProcessorKind::kBeit);
  EXPECT_EQ(kind(R"({"image_processor_type": null,
                     "feature_extractor_type": "YolosFeatureExtractor"})"),
            ProcessorKind::kYolos);
  EXPECT_EQ(kind("{}", "dinov2"), ProcessorKind::kBit);
  EXPECT_EQ(kind("{}", "resnet"), ProcessorKind::kConvnext);
  EXPECT_EQ(kind(R"({"image_processor": {"image_processor_type": "SiglipImageProcessor"}})"),
            ProcessorKind::kSiglip);
  EXPECT_THAT(processor_refusal(R"({"image_processor_type": "SegFormerImageProcessor"})"),
              HasSubstr("\"SegFormerImageProcessor\" is not supported; did you mean Segformer?"));
  EXPECT_THAT(processor_refusal(R"({"image_processor_type": 3})"),
              HasSubstr("expected the name of a class"));
  EXPECT_THAT(processor_refusal("{}", "bert"), HasSubstr("models of type \"bert\""));
  EXPECT_THAT(processor_refusal("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(processor_refusal("{"), HasSubstr("JSON"));
}

TEST(ImageProcessor, FastClassesCropWhereSlowOnesDoNot) {
  const Json crop{{"image_processor_type", "ViTImageProcessorFast"},
                  {"size", 40},
                  {"do_center_crop", true},
                  {"crop_size", 32}};
  EXPECT_EQ(made(crop).process(source("small.png"))->pixel_values.shape(), (Shape{3, 32, 32}));
  Json slow = crop;
  slow["image_processor_type"] = "ViTImageProcessor";
  EXPECT_THAT(processor_refusal(slow.dump()),
              HasSubstr("do_center_crop: ViTImageProcessor does not crop"));
}

struct Bad {
  std::string_view option;
  std::string_view message;
};

TEST(ImageProcessor, RefusesOptionsByName) {
  for (const Bad& bad : std::vector<Bad>{
           {R"("size": 0)", "size: expected a whole number from 1 to 16384, found 0"},
           {R"("size": 1e9)", "size: expected a whole number"},
           {R"("size": 99999999999999999999)", "size: expected a whole number"},
           {R"("size": "large")", "size: expected a number, [height, width] or an object"},
           {R"("size": {"height": 3})", "size: expected a number"},
           {R"("size": {"height": 3, "width": -3})", "size.width: expected a whole number"},
           {R"("size": {"shortest_edge": 32})", "is no form that ViTImageProcessor scales to"},
           {R"("size": {"max_height": 32, "max_width": 20})", "is no form that ViT"},
           {R"("resample": 6)", "resample: expected 0 (nearest)"},
           {R"("resample": "bicubic")", "resample: expected 0 (nearest)"},
           {R"("do_resize": 1)", "do_resize: expected true or false, found 1"},
           {R"("rescale_factor": "1/255")", "rescale_factor: expected a number"},
           {R"("image_mean": [0.5, 0.5])", "image_mean: expected a number, or one for each"},
           {R"("image_std": [0.5, 0, 0.5])", "image_std: expected numbers other than 0"},
           {R"("image_std": 1e300)", "image_std: expected a number"},
           {R"("do_pad": true)", "do_pad: ViTImageProcessor does not pad"},
           {R"("do_flip_channel_order": true)", "do_flip_channel_order: true is not supported"},
           {R"("offset": true)", "offset: true is not supported"},
       }) {
    const std::string text =
        R"({"image_processor_type": "ViTImageProcessor", )" + std::string(bad.option) + "}";
    EXPECT_THAT(processor_refusal(text), HasSubstr(std::string(bad.message))) << bad.option;
  }
  EXPECT_THAT(
      processor_refusal(R"({"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0})"),
      HasSubstr("crop_pct: expected a number above"));
  EXPECT_THAT(processor_refusal(R"({"image_processor_type": "DetrImageProcessor",
                          "size": {"shortest_edge": 800}})"),
              HasSubstr("size:"));
  EXPECT_THAT(processor_refusal(R"({"image_processor_type": "CLIPImageProcessor",
                          "crop_size": {"shortest_edge": 800}})"),
              HasSubstr("crop_size: expected height and width"));
}

TEST(ImageProcessor, PassesOverWhatTheClassDoesNotRead) {
  const Json config{{"image_processor_type", "ViTImageProcessor"},
                    {"size", 24},
                    {"crop_size", nullptr},
                    {"do_center_crop", nullptr},
                    {"do_convert_rgb", nullptr},
                    {"do_flip_channel_order", false},
                    {"_valid_processor_keys", Json::array({"images"})},
                    {"data_format", "channels_first"}};
  EXPECT_EQ(made(config).process(source("small.png"))->pixel_values.shape(), (Shape{3, 24, 24}));
}

TEST(ImageProcessor, RefusesWhatWouldFillTheMemory) {
  const ImageProcessor uncropped = made(
      {{"image_processor_type", "CLIPImageProcessor"}, {"size", 2000}, {"do_center_crop", false}});
  const Result<ProcessedImage> image = uncropped.process(source("wide_line.png"));
  EXPECT_EQ(image.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(image.status().message(), HasSubstr("scaled to 1000000x2000 pixels"));
  EXPECT_EQ(uncropped.process(Image{}).status().code(), StatusCode::kInvalidArgument);
}

TEST(ImageProcessor, RefusesBatchesThatDoNotFit) {
  const ImageProcessor free = made(
      {{"image_processor_type", "CLIPImageProcessor"}, {"size", 24}, {"do_center_crop", false}});
  const std::vector<ProcessedImage> images{*free.process(source("middle.png")),
                                           *free.process(source("wide.png"))};
  EXPECT_THAT(free.batch(images).status().message(),
              HasSubstr("expected images of one size in a batch, found 32x24 and 87x24"));
  EXPECT_THAT(free.batch({}).status().message(), HasSubstr("at least one processed image"));
  EXPECT_FALSE(free.batch(std::array{ProcessedImage{}}).ok());

  const ImageProcessor small = made({{"image_processor_type", "DetrImageProcessor"},
                                     {"size", {{"height", 30}, {"width", 45}}},
                                     {"pad_size", {{"height", 29}, {"width", 60}}}});
  const std::vector<ProcessedImage> one{*small.process(source("middle.png"))};
  EXPECT_THAT(small.batch(one).status().message(),
              HasSubstr("pad_size: an image of 45x30 pixels does not fit 60x29"));
}

}  // namespace
}  // namespace accel::image
