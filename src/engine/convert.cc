#include "engine/convert.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "accel/version.h"
#include "backend/graph_file.h"
#include "backend/placed_constant.h"
#include "base/files.h"
#include "base/json.h"
#include "base/try.h"
#include "engine/companion_files.h"
#include "engine/conversion_check.h"
#include "engine/output_folder.h"
#include "models/foreign/format.h"
#include "precision/widened_graph.h"
#include "precision/written_graph.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using models::foreign::kFlatSettings;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kRecord = "accel.json";
constexpr double kF32Tolerance = 1e-3;  // relative

bool is_converted(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kRecord, ignored) ||
         fs::is_regular_file(folder / kFlatSettings / kRecord, ignored);
}

double elapsed_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The .bin file, written from front to back. Between slices it lets go of the source's pages and
// asks whether to stop.
class BinFile : public precision::WeightSink {
 public:
  using Hook = std::function<Status(uint64_t position)>;

  static Result<std::unique_ptr<BinFile>> create(
      const fs::path& path, std::vector<std::shared_ptr<const MappedFile>> sources, Hook hook) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return errno_status(errno, "creating", path.string());
    return std::unique_ptr<BinFile>(new BinFile(fd, path, std::move(sources), std::move(hook)));
  }
  ~BinFile() override {
    if (fd_ >= 0) ::close(fd_);
  }
  BinFile(const BinFile&) = delete;
  BinFile& operator=(const BinFile&) = delete;

  Status append(std::span<const std::byte> bytes) override {
    ACCEL_TRY(write_all(fd_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                        path_.string()));
    position_ += bytes.size();
    read_ += bytes.size();
    constexpr uint64_t kReleaseBytes = uint64_t{8} << 20;
    if (read_ < kReleaseBytes) return {};
    read_ = 0;
    for (const auto& source : sources_) source->release_pages();
    return hook_(position_);
  }
  uint64_t position() const override { return position_; }
  Status rewind(uint64_t position) override {
    const auto offset = static_cast<off_t>(position);
    if (::ftruncate(fd_, offset) != 0 || ::lseek(fd_, offset, SEEK_SET) != offset) {
      return errno_status(errno, "writing", path_.string());
    }
    position_ = position;
    return {};
  }
  // On the disk, or an error.
  Status close() {
    const int fd = std::exchange(fd_, -1);
    const bool synced = ::fsync(fd) == 0;
    const int error = errno;
    if (::close(fd) != 0 || !synced) return errno_status(error, "writing", path_.string());
    return {};
  }

 private:
  BinFile(int fd, fs::path path, std::vector<std::shared_ptr<const MappedFile>> sources, Hook hook)
      : fd_(fd), path_(std::move(path)), sources_(std::move(sources)), hook_(std::move(hook)) {}

  int fd_;
  const fs::path path_;
  const std::vector<std::shared_ptr<const MappedFile>> sources_;
  const Hook hook_;
  uint64_t position_ = 0;
  uint64_t read_ = 0;
};

Result<precision::CompressionOptions> compression_of(const ConvertOptions& options) {
  using precision::WeightFormat;
  precision::CompressionOptions compression{.symmetric = options.symmetric,
                                            .group = options.group_size};
  switch (options.precision) {
    case Precision::kAuto:
      return invalid_argument("expected a precision for the weights: f32, f16, bf16, int8 or "
                              "int4; found auto");
    case Precision::kF32: compression.format = WeightFormat::kAsStored; break;
    case Precision::kF16: compression.format = WeightFormat::kF16; break;
    case Precision::kBF16: compression.format = WeightFormat::kBF16; break;
    case Precision::kI8: compression.format = WeightFormat::kInt8; break;
    case Precision::kI4: compression.format = WeightFormat::kInt4; break;
  }
  const bool integers = options.precision == Precision::kI8 || options.precision == Precision::kI4;
  if (options.symmetric && !integers) {
    return invalid_argument(
        fmt::format("symmetric belongs to int8 and int4, found {}", to_string(options.precision)));
  }
  if (options.group_size < 8 || options.group_size > 65536 || options.group_size % 2 != 0) {
    return invalid_argument(fmt::format(
        "expected a group size from 8 to 65536 that is even, found {}", options.group_size));
  }
  return compression;
}

class Conversion {
 public:
  Conversion(const ConvertParts& parts, const ConvertOptions& options)
      : folder_(*parts.folder), parts_(parts), options_(options) {}

  Result<ConvertReport> run();

 private:
  Status go_on(std::string_view step, double fraction) const {
    if (!options_.progress || options_.progress({step, fraction})) return {};
    return cancelled("stopped; nothing was written");
  }
  fs::path target() const {
    return options_.output.empty() ? default_output(options_) : options_.output;
  }
  std::vector<std::string> wanted_inputs() const;
  Result<models::BuiltGraph> build() const;
  Status write_graph();
  Status hash_sources();
  Result<CheckedGraph> widened(CheckedGraph graph, ov::Model& model) const;
  Status check();
  Status judge(const OutputError& error) const;
  Status write_record();
  void list_files();

  const models::ModelFolder& folder_;
  const ConvertParts& parts_;
  const ConvertOptions& options_;
  models::Head head_ = models::Head::kBase;
  precision::CompressionOptions compression_;
  std::unique_ptr<OutputFolder> output_;
  fs::path place_;  // of the companions, below the output
  fs::path graph_;  // without its ending, likewise
  OrderedJson sources_ = OrderedJson::array();
  ConvertReport report_;
};

// All that a later user may want to give and that can be filled in when nobody does: a graph cannot
// be asked for another input once it is written. Of a graph that is read, what it has.
std::vector<std::string> Conversion::wanted_inputs() const {
  const auto rows_of = [&](std::string_view name) {
    for (const auto& [input, rows] : folder_.facts().index_limits) {
      if (input == name) return rows;
    }
    return int64_t{0};
  };
  std::vector<std::string> wanted;
  for (const models::InputSpec& spec : folder_.inputs(head_)) {
    bool keep = folder_.foreign() != nullptr || spec.needed != models::Needed::kOnRequest;
    if (spec.name == "attention_mask" || spec.name == "pixel_mask") keep = true;
    if (spec.name == "token_type_ids") {
      // One type says nothing; and GPT-2 takes words for types, where none is not the same as 0.
      const int64_t types = rows_of(spec.name);
      keep = keep || (types > 1 && types != folder_.facts().vocabulary);
    }
    if (keep) wanted.emplace_back(spec.name);
  }
  return wanted;
}

Result<models::BuiltGraph> Conversion::build() const {
  ACCEL_ASSIGN(models::BuiltGraph built, folder_.build({.inputs = wanted_inputs(), .head = head_}));
  if (options_.static_batch > 0) {
    ACCEL_TRY(precision::fix_shapes(*built.model, options_.static_batch, options_.static_length)
                  .with_context(folder_.path().string()));
  }
  return built;
}

Status Conversion::write_graph() {
  ACCEL_ASSIGN(models::BuiltGraph built, build());
  for (const auto& source : built.sources) report_.source_bytes += source->bytes().size();
  const uint64_t expected = std::max<uint64_t>(report_.source_bytes, 1);
  const fs::path bin_path = output_->path() / (graph_.string() + ".bin");
  std::error_code error;
  fs::create_directories(bin_path.parent_path(), error);
  ACCEL_ASSIGN(const auto bin, BinFile::create(bin_path, built.sources, [&](uint64_t position) {
                 return go_on("weights", std::min(1.0, static_cast<double>(position) /
                                                           static_cast<double>(expected)));
               }));
  ACCEL_ASSIGN(const auto tallies, precision::compress(*built.model, compression_, *bin));
  for (const precision::FormatTally& tally : tallies) {
    report_.weights.push_back({std::string(precision::to_string(tally.format)), tally.tensors,
                               tally.bytes_before, tally.bytes});
  }
  const uint64_t rest_at = backend::aligned(bin->position());
  ACCEL_ASSIGN(const backend::PlacedIr ir, backend::write_placed_ir(built.model, rest_at));
  const std::vector<std::byte> padding(rest_at - bin->position());
  ACCEL_TRY(bin->append(padding));
  ACCEL_TRY(bin->append(std::as_bytes(std::span(ir.rest))));
  ACCEL_TRY(bin->close());
  return output_->write(graph_.string() + ".xml", ir.text);
}

Status Conversion::hash_sources() {
  std::vector<fs::path> files;
  if (folder_.foreign() != nullptr) {
    files = folder_.foreign()->files();
    report_.source_bytes = 0;
    std::error_code ignored;
    for (const fs::path& file : files) report_.source_bytes += fs::file_size(file, ignored);
  } else {
    for (const auto& mapped : folder_.checkpoint().mappings()) files.push_back(mapped->path());
  }
  std::error_code ignored;
  const fs::path config = folder_.sentence().transformer / "config.json";
  if (fs::is_regular_file(config, ignored)) files.push_back(config);
  for (const fs::path& file : files) {
    ACCEL_TRY(go_on("hashing", 0));
    ACCEL_ASSIGN(const std::string hash, parts_.hashes->of_file(file));
    sources_.push_back({{"file", file.filename().string()},
                        {"bytes", fs::file_size(file, ignored)},
                        {"xxh3", hash}});
  }
  return {};
}

// An f32 conversion changes no number; others are for the reader of the figures to judge.
Status Conversion::judge(const OutputError& error) const {
  const bool exact = options_.precision == Precision::kF32;
  const bool fine = exact ? error.relative <= kF32Tolerance : std::isfinite(error.max_abs);
  if (fine) return {};
  return data_loss(fmt::format(
      "{}: expected the output {} of the converted graph within {} of the source's, found {:.3g}; "
      "nothing was written; --no-check writes it nevertheless, and please report it",
      folder_.path().string(), error.name, exact ? "0.001" : "finite numbers", error.relative));
}

// The graph with its narrow weights in f32, in a file that has no name any more.
Result<CheckedGraph> Conversion::widened(CheckedGraph graph, ov::Model& model) const {
  const fs::path path = output_->path() / "check.weights";
  ACCEL_ASSIGN(const auto file, BinFile::create(path, graph.sources, [&](uint64_t /*position*/) {
                 return go_on("check", 0);
               }));
  const auto written = precision::write_widened(model, *file);
  auto mapped = MappedFile::open(path);
  std::error_code ignored;
  fs::remove(path, ignored);
  ACCEL_TRY(written.status());
  ACCEL_TRY(mapped.status());
  precision::use_widened(*written, *mapped);
  graph.sources.push_back(*std::move(mapped));
  return graph;
}

Status Conversion::check() {
  ACCEL_TRY(go_on("check", 0));
  const auto source = [&]() -> Result<CheckedGraph> {
    ACCEL_ASSIGN(models::BuiltGraph built, build());
    return widened({built.model, built.sources}, *built.model);
  };
  const fs::path stem = output_->path() / graph_;
  const auto result = [&]() -> Result<CheckedGraph> {
    ACCEL_TRY(go_on("check", 0.5));
    constexpr uint64_t kTextMax = uint64_t{1} << 30;
    ACCEL_ASSIGN(const std::string text, read_file(stem.string() + ".xml", kTextMax));
    ACCEL_ASSIGN(const auto weights, MappedFile::open(stem.string() + ".bin"));
    ACCEL_ASSIGN(const auto model, backend::read_ir(text, {weights->bytes(), weights}));
    return widened({model, {weights}}, *model);
  };
  auto errors = compare_graphs(*parts_.backend, sample_limits(folder_, head_), source, result);
  if (!errors.ok()) return errors.status().with_context(folder_.path().string() + ": the check");
  for (const OutputError& error : *errors) ACCEL_TRY(judge(error));
  report_.errors = std::move(*errors);
  report_.checked = true;
  return {};
}

Status Conversion::write_record() {
  OrderedJson record{{"accel", kVersion},
                     {"engine", parts_.backend->info().version},
                     {"source",
                      {{"name", folder_.path().filename().string()},
                       {"kind", report_.source_kind},
                       {"files", sources_}}},
                     {"options",
                      {{"precision", report_.precision},
                       {"symmetric", options_.symmetric},
                       {"group_size", options_.group_size},
                       {"task", report_.task},
                       {"static_batch", options_.static_batch},
                       {"static_length", options_.static_length}}},
                     {"weights", OrderedJson::array()},
                     {"check", nullptr}};
  for (const WeightTally& tally : report_.weights) {
    record["weights"].push_back({{"format", tally.format},
                                 {"tensors", tally.tensors},
                                 {"bytes_before", tally.bytes_before},
                                 {"bytes", tally.bytes}});
  }
  if (report_.checked) record["check"] = OrderedJson::array();
  for (const OutputError& error : report_.errors) {
    record["check"].push_back({{"output", error.name},
                               {"max_abs", error.max_abs},
                               {"relative", error.relative},
                               {"cosine", error.cosine}});
  }
  return output_->write(place_ / kRecord,
                        record.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

void Conversion::list_files() {
  std::error_code error;
  fs::recursive_directory_iterator at(output_->path(), error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    const uint64_t bytes = at->file_size(error);
    report_.files.push_back({at->path().lexically_relative(output_->path()).string(), bytes});
    report_.bytes += bytes;
  }
  std::ranges::sort(report_.files, {}, &ConvertedFile::name);
}

Result<ConvertReport> Conversion::run() {
  const auto start = Clock::now();
  ACCEL_TRY(go_on("reading", 0));
  ACCEL_ASSIGN(compression_, compression_of(options_));
  if (parts_.head) {
    head_ = *parts_.head;
  } else {
    ACCEL_ASSIGN(head_, folder_.head());
  }
  const bool flat = options_.layout == Layout::kFlat;
  ACCEL_ASSIGN(output_, OutputFolder::create(target(), options_.force, is_converted));
  place_ = flat ? fs::path(kFlatSettings) : fs::path();
  ACCEL_ASSIGN(const fs::path inner, write_companions(folder_, place_, *output_));
  const fs::path name = fs::absolute(target()).lexically_normal();
  graph_ = flat ? (name.has_filename() ? name.filename() : name.parent_path().filename())
                : inner / "openvino_model";
  report_.source = folder_.path().string();
  report_.source_kind = folder_.source();
  report_.task = models::to_string(head_);
  report_.precision = to_string(options_.precision);
  report_.path = target().string();
  report_.graph = (target() / (graph_.string() + ".xml")).string();
  ACCEL_TRY(write_graph());
  ACCEL_TRY(hash_sources());
  const auto converted = Clock::now();
  report_.convert_s = std::chrono::duration<double>(converted - start).count();
  if (options_.check) ACCEL_TRY(check());
  report_.check_s = elapsed_since(converted);
  ACCEL_TRY(write_record());
  list_files();
  ACCEL_TRY(go_on("finishing", 1));
  ACCEL_TRY(output_->commit());
  return std::move(report_);
}

}  // namespace

std::string default_output(const ConvertOptions& options) {
  fs::path source = fs::path(options.source).lexically_normal();
  if (!source.has_filename()) source = source.parent_path();
  if (source == "." || source == "..") source = fs::absolute(source).lexically_normal();
  std::string name = source.filename().string();
  for (const std::string_view ending : {".gguf", ".onnx", ".xml", ".pb", ".tflite", ".pdmodel"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  if ((name == "model" || name == "openvino_model") && source.has_parent_path()) {
    name = source.parent_path().filename().string();
  }
  if (options.layout == Layout::kFlat) return (fs::path("models/openvino") / name).string();
  if (options.precision == Precision::kF32) return name + "-openvino";
  return fmt::format("{}-openvino-{}", name, to_string(options.precision));
}

Result<ConvertReport> convert_model(const ConvertParts& parts, const ConvertOptions& options) {
  return Conversion(parts, options).run();
}

}  // namespace accel::engine
