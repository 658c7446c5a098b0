// accel self-test: does this installation compute right? Each step is PASS, FAIL or SKIP with a
// reason; the numbers are checked against recorded ones of the reference library.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "backends/openvino/openvino_backend.h"
#include "base/files.h"
#include "base/json.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hardware/former_devices.h"
#include "tensors/safetensors.h"

namespace accel::cli {
namespace {

constexpr double kTolerance = 1e-4;
// The recorded case: texts of different length, padded.
constexpr const char* kCase = "text6";

struct Step {
  std::string name;
  std::string verdict;  // "PASS", "FAIL", "SKIP"
  std::string detail;   // what was seen, or why not
};

class SelfTest {
 public:
  SelfTest(std::unique_ptr<Engine> engine, std::filesystem::path model, std::string device)
      : engine_(std::move(engine)), model_path_(std::move(model)), device_(std::move(device)) {}

  std::vector<Step> run();

 private:
  using Answer = Result<std::string>;  // what was seen

  Answer check_installation();
  Answer check_devices();
  Answer check_folder();
  Answer check_load();
  Answer check_infer();
  Answer check_embed();
  Answer check_unload();
  Answer check_convert();
  // Runs the recorded inputs and compares an output.
  Answer check_numbers(Model& model, const std::string& output) const;
  // Runs one step; `needs` names a step that must have passed.
  void step(const char* name, const char* needs, Answer (SelfTest::*check)());

  std::unique_ptr<Engine> engine_;
  std::filesystem::path model_path_;
  std::string device_;
  std::shared_ptr<Model> model_;
  std::optional<tensors::SafetensorsFile> recorded_;
  std::vector<Step> steps_;
};

SelfTest::Answer SelfTest::check_installation() {
  const std::vector<BackendReport> backends = examine_backends(*engine_);
  for (const Component& one : components(backends)) {
    if (!one.fine) {
      return unavailable(
          fmt::format("{} {}: {}; {}", one.name, one.version, one.reason, one.remedy));
    }
  }
  std::vector<std::string> names;
  for (const BackendReport& backend : backends) {
    if (backend.available) names.push_back(backend.name + " " + backend.version);
  }
  return fmt::format("accel {} with {}", version(), fmt::join(names, ", "));
}

SelfTest::Answer SelfTest::check_devices() {
  const std::string_view computes = backend::openvino_backend_is_built() ? "openvino" : "reference";
  std::vector<std::string> names;
  for (const DeviceReport& device : engine_->devices()) {
    if (device.backend == computes) names.push_back(device.name);
  }
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  if (std::ranges::find(names, device_) != names.end()) return list;
  const std::string_view fate = hardware::fate_of_device(device_);
  return not_found(fmt::format("expected {}, found {}{}{}", device_, list.empty() ? "none" : list,
                               fate.empty() ? "" : "; ", fate));
}

SelfTest::Answer SelfTest::check_folder() {
  ACCEL_ASSIGN(const ModelReport report, engine_->describe(model_path_.string()));
  ACCEL_ASSIGN(recorded_, tensors::SafetensorsFile::open(model_path_ / "golden.safetensors"));
  return fmt::format("{}, {} parameters", report.architecture, with_separators(report.parameters));
}

SelfTest::Answer SelfTest::check_load() {
  ACCEL_ASSIGN(model_, engine_->load({.path = model_path_.string(),
                                      .device = device_,
                                      .precision = Precision::kF32,
                                      .use = Use::kInfer}));
  return model_path_.string();
}

double largest_difference(const Tensor& a, const Tensor& b) {
  if (a.dtype() != DType::kF32 || b.dtype() != DType::kF32 || a.shape() != b.shape()) {
    return std::numeric_limits<double>::infinity();
  }
  double largest = 0;
  for (size_t i = 0; i < a.data<float>().size(); ++i) {
    const double difference = std::abs(double{a.data<float>()[i]} - b.data<float>()[i]);
    // A NaN is larger than anything.
    largest = difference <= largest ? largest : std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

Result<std::string> judged(double difference, const RunReport& report) {
  if (!(difference <= kTolerance)) {
    return internal_error(fmt::format("expected differences of at most {:.0e} to the recorded "
                                      "numbers, found {:.2e}",
                                      kTolerance, difference));
  }
  return fmt::format("{} on {} in {}: largest difference {:.1e}, allowed {:.0e}", report.backend,
                     report.device, to_string(report.precision), difference, kTolerance);
}

SelfTest::Answer SelfTest::check_infer() { return check_numbers(*model_, "pooler_output"); }

SelfTest::Answer SelfTest::check_numbers(Model& model, const std::string& output) const {
  const std::string prefix = kCase + std::string(".");
  NamedTensors inputs;
  for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
    ACCEL_ASSIGN(Tensor tensor, recorded_->tensor(prefix + name));
    inputs.push_back({name, std::move(tensor)});
  }
  ACCEL_ASSIGN(const Tensor expected, recorded_->tensor(prefix + output));
  ACCEL_ASSIGN(const InferResult result, model.infer(inputs));
  const Tensor* found = find(result.outputs, output);
  if (found == nullptr) return internal_error("expected an output " + output + ", found none");
  return judged(largest_difference(*found, expected), result.report);
}

Result<std::vector<std::string>> recorded_texts(const std::filesystem::path& path) {
  ACCEL_ASSIGN(const Json recorded, read_json(path));
  const Json::json_pointer where("/sentence_embedding/texts");
  std::vector<std::string> texts;
  if (recorded.contains(where) && recorded[where].is_array()) {
    for (const Json& text : recorded[where]) {
      if (text.is_string()) texts.push_back(text.get<std::string>());
    }
  }
  if (texts.empty()) return data_loss("reading " + path.string() + ": expected recorded texts");
  return texts;
}

SelfTest::Answer SelfTest::check_embed() {
  ACCEL_ASSIGN(const auto texts, recorded_texts(model_path_ / "golden.json"));
  ACCEL_ASSIGN(const Tensor expected, recorded_->tensor("sentence_embedding"));
  ACCEL_ASSIGN(const EmbedResult result, model_->embed(texts));
  return judged(largest_difference(result.embeddings, expected), result.report);
}

SelfTest::Answer SelfTest::check_unload() {
  ACCEL_TRY(model_->unload());
  if (model_->unload().code() != StatusCode::kFailedPrecondition) {
    return internal_error("expected a second unload to say that nothing is loaded");
  }
  return std::string("and a second time refused");
}

// An empty folder that is deleted at the end.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> create() {
    std::error_code error;
    const auto base = std::filesystem::temp_directory_path(error);
    if (error) return errno_status(error.value(), "finding", "a folder for temporary files");
    std::string name = (base / "accel-self-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return errno_status(errno, "creating", name);
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(name));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

// The bundled ONNX file becomes OpenVINO IR, which is compared with it and with what is recorded.
SelfTest::Answer SelfTest::check_convert() {
  ACCEL_ASSIGN(const auto folder, TemporaryFolder::create());
  const std::string converted = (folder->path() / "converted").string();
  ACCEL_ASSIGN(const ConvertReport report,
               engine_->convert({.source = (model_path_ / "onnx" / "model.onnx").string(),
                                 .output = converted,
                                 .precision = Precision::kF32}));
  double error = 0;
  for (const OutputError& output : report.errors) error = std::max(error, output.max_abs);
  if (!report.checked) return internal_error("expected a conversion that was checked");
  ACCEL_ASSIGN(const auto model, engine_->load({.path = converted,
                                                .device = device_,
                                                .precision = Precision::kF32,
                                                .use = Use::kInfer,
                                                .cache = false}));
  ACCEL_ASSIGN(const std::string seen, check_numbers(*model, "last_hidden_state"));
  return fmt::format("{} to {} in {:.1f} s, apart by {:.1e}; then {}", report.source_kind,
                     model->report().source, report.convert_s, error, seen);
}

void SelfTest::step(const char* name, const char* needs, Answer (SelfTest::*check)()) {
  const auto needed = std::ranges::find(steps_, std::string_view(needs), &Step::name);
  if (needed != steps_.end() && needed->verdict != "PASS") {
    steps_.push_back({name, "SKIP", fmt::format("because '{}' did not pass", needs)});
    return;
  }
  const Answer answer = (this->*check)();
  steps_.push_back(
      {name, answer.ok() ? "PASS" : "FAIL", answer.ok() ? *answer : answer.status().to_string()});
}

std::vector<Step> SelfTest::run() {
  step("installation", "", &SelfTest::check_installation);
  step("devices", "installation", &SelfTest::check_devices);
  step("model folder", "", &SelfTest::check_folder);
  std::error_code ignored;
  if (steps_.back().verdict == "FAIL" && !std::filesystem::exists(model_path_, ignored)) {
    steps_.back() = {"model folder", "SKIP",
                     "because the self-test model is not installed at " + model_path_.string()};
  }
  const bool usable = steps_[1].verdict == "PASS";
  step("load", usable ? "model folder" : "devices", &SelfTest::check_load);
  step("infer", "load", &SelfTest::check_infer);
  step("embed", "load", &SelfTest::check_embed);
  step("unload", "load", &SelfTest::check_unload);
  step("convert", "load", &SelfTest::check_convert);
  return std::move(steps_);
}

std::string readable(const std::vector<Step>& steps) {
  Table table;
  for (const Step& step : steps) table.add({step.verdict, step.name, step.detail});
  return table.text();
}

OrderedJson as_json(const std::vector<Step>& steps, size_t failed) {
  OrderedJson out{{"ok", failed == 0}, {"steps", OrderedJson::array()}};
  for (const Step& step : steps) {
    out["steps"].push_back(
        {{"name", step.name}, {"verdict", step.verdict}, {"detail", step.detail}});
  }
  return out;
}

}  // namespace

Status run_self_test(const Command& command, const Arguments& arguments) {
  std::string device = "CPU";
  bool json = false;
  Flags flags(command);
  flags.text("--device", "NAME", &device, "the device to check (default CPU)");
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(auto engine, make_engine());
  ACCEL_ASSIGN(const auto share, share_folder());
  const std::vector<Step> steps = SelfTest(std::move(engine), share / "self-test", device).run();
  const auto failed = static_cast<size_t>(std::ranges::count(steps, "FAIL", &Step::verdict));
  ACCEL_TRY(print(json ? json_text(as_json(steps, failed)) : readable(steps)));
  if (failed == 0) return {};
  return failed_precondition(fmt::format("{} of {} steps failed", failed, steps.size()));
}

}  // namespace accel::cli
