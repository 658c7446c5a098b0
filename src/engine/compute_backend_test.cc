#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "accel/hardware.h"
#include "base/cosine.h"
#include "hardware/acceleration_switch.h"
#include "hardware/cpu.h"
#include "models/tiny_bert.h"
#include "store/facts.h"

namespace accel {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTinyModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

// The switch of the test's own process, put back at the end.
class HardwareTest : public testing::Test {
 protected:
  HardwareTest() { ::unsetenv(hardware::kSwitchVariable); }
  ~HardwareTest() override { ::unsetenv(hardware::kSwitchVariable); }

  static void set_switch(const char* value) { ::setenv(hardware::kSwitchVariable, value, 1); }

  std::unique_ptr<Engine> make(EngineOptions options = {}) const {
    options.cache_dir = cache_.path().string();
    options.probe = false;
    return *Engine::create(options);
  }
  // An engine whose OpenVINO is known to crash on this processor.
  std::unique_ptr<Engine> make_without_openvino() const {
    const auto facts = store::Facts::create({.folder = cache_.path() / "facts"});
    const store::FactKey key{.kind = "crash-probe",
                             .cpu = hardware::read_cpu().identity(),
                             .engine = "OpenVINO " + make()->backends()[0].version};
    EXPECT_TRUE(facts->put(key, {{"signal", "Illegal instruction"}}).ok());
    return *Engine::create({.cache_dir = cache_.path().string()});
  }

  const models::ScratchFolder cache_;
};

// row 213
TEST_F(HardwareTest, AllEightNamesAreAcceptedInAnyCaseAndAnswer) {
  const std::vector<std::string> names{"CPU", "CUDA",  "ROCm",   "OpenVINO",
                                       "MPS", "WebNN", "WebGPU", "Qualcomm"};
  ASSERT_EQ(hardware_types().size(), names.size());
  const auto engine = make();
  const std::vector<HardwareReport> reports = hardware_reports(*engine);
  ASSERT_EQ(reports.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto type = parse_hardware_type(names[i]);
    ASSERT_TRUE(type.ok()) << names[i];
    EXPECT_EQ(*type, hardware_types()[i]);
    EXPECT_EQ(*parse_hardware_type(to_string(*type)), *type);
    EXPECT_EQ(reports[i].type, *type);
    EXPECT_FALSE(reports[i].reason.empty()) << names[i];
    EXPECT_EQ(reports[i].available, !reports[i].backend.empty()) << names[i];
  }
  EXPECT_TRUE(reports[0].available);
  const Status unknown = parse_hardware_type("tpu").status();
  EXPECT_EQ(unknown.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.message(), HasSubstr("openvino"));
}

// rows 207 and 212
TEST_F(HardwareTest, EachTypeRunsOnItsHardwareOrSaysWhyNot) {
  const auto engine = make();
  for (const HardwareType type : hardware_types()) {
    const ComputeBackend backend = get_compute_backend(*engine, type);
    EXPECT_EQ(backend.type(), type);
    const auto result = backend.run(kTinyModel, {{.text = "one text"}}, "sentence-embedding");
    if (type == HardwareType::kCpu || type == HardwareType::kOpenVino) {
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      EXPECT_EQ(result->report.backend, backend.backend());
      EXPECT_EQ(result->report.device, backend.device());
      EXPECT_TRUE(result->items.at(0).ok());
      continue;
    }
    EXPECT_FALSE(backend.is_available());
    EXPECT_EQ(result.status().code(), StatusCode::kUnavailable);
    EXPECT_THAT(result.status().message(), HasSubstr(std::string(to_string(type)) + ": "));
    EXPECT_THAT(result.status().message(), HasSubstr("what runs here: cpu, openvino"));
  }
  EXPECT_EQ(get_compute_backend(*engine).type(), HardwareType::kOpenVino);
}

// row 212 (partial: a machine without OpenVINO)
TEST_F(HardwareTest, TheProcessorWorksWithoutOpenVino) {
  const auto engine = make_without_openvino();
  const ComputeBackend cpu = get_compute_backend(*engine, HardwareType::kCpu);
  EXPECT_EQ(cpu.backend(), "reference");
  EXPECT_TRUE(cpu.load({.path = kTinyModel}).ok());
  EXPECT_EQ(get_compute_backend(*engine).type(), HardwareType::kCpu);
  const ComputeBackend openvino = get_compute_backend(*engine, HardwareType::kOpenVino);
  EXPECT_THAT(openvino.status().message(), HasSubstr("Illegal instruction"));
  EXPECT_EQ(openvino.load({.path = kTinyModel}).status().code(), StatusCode::kUnavailable);
}

// row 210
TEST_F(HardwareTest, AccelerationIsAvailableOnlyWhereAnEngineRanALayer) {
  const auto engine = make();
  EXPECT_TRUE(is_accelerate_available(*engine));
  set_switch("0");
  EXPECT_FALSE(is_accelerate_available(*engine));
  set_switch("1");
  EXPECT_TRUE(is_accelerate_available(*engine));
  EXPECT_FALSE(is_accelerate_available(*make_without_openvino()));
}

// row 211 (partial: the doctor is in tests/journey)
// row 214
TEST_F(HardwareTest, TheStatusTellsTheSwitchItsValueAndItsEffect) {
  const auto engine = make();
  AccelerateStatus status = get_accelerate_status(*engine);
  EXPECT_TRUE(status.available);
  EXPECT_TRUE(status.enabled);
  EXPECT_FALSE(status.env_disabled);
  EXPECT_EQ(status.env_var, "IPFS_ACCELERATE_ENABLED");
  EXPECT_FALSE(status.env_value.has_value());
  EXPECT_EQ(status.error, "");
  EXPECT_EQ(status.backend, "openvino");
  EXPECT_THAT(status.backends, ElementsAre("openvino", "reference"));
  EXPECT_EQ(status.hardware.size(), 8U);

  set_switch("0");
  status = get_accelerate_status(*engine);
  EXPECT_FALSE(status.available);
  EXPECT_FALSE(status.enabled);
  EXPECT_TRUE(status.env_disabled);
  EXPECT_EQ(status.env_value, "0");
  EXPECT_EQ(status.backend, "reference");
  EXPECT_THAT(status.error, HasSubstr("IPFS_ACCELERATE_ENABLED=0"));
  EXPECT_THAT(status.effect, HasSubstr("local path"));

  set_switch("perhaps");
  EXPECT_THAT(get_accelerate_status(*engine).effect, HasSubstr("counts as 1"));

  set_switch("1");
  status = get_accelerate_status(*make_without_openvino());
  EXPECT_FALSE(status.available);
  EXPECT_TRUE(status.enabled);
  EXPECT_THAT(status.error, HasSubstr("Illegal instruction"));
  EXPECT_EQ(status.backend, "");
}

// row 215
TEST_F(HardwareTest, SwitchedOffEverythingStillWorksOnTheLocalPath) {
  const auto engine = make();
  const auto on = (*engine->load({.path = kTinyModel}))->embed({"a text", "another"});
  ASSERT_TRUE(on.ok());
  EXPECT_EQ(on->report.local_reason, "");
  set_switch("0");
  for (const HardwareType type : hardware_types()) {
    const ComputeBackend backend = get_compute_backend(*engine, type);
    EXPECT_EQ(backend.local_reason(), "IPFS_ACCELERATE_ENABLED=0");
    EXPECT_TRUE(backend.run(kTinyModel, {{.text = "x"}}, "sentence-embedding").ok());
  }
  const auto model = engine->load({.path = kTinyModel, .device = "GPU.7"});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto off = (*model)->embed({"a text", "another"});
  ASSERT_TRUE(off.ok());
  EXPECT_EQ(off->report.backend, "reference");
  EXPECT_EQ(off->report.local_reason, "IPFS_ACCELERATE_ENABLED=0");
  EXPECT_TRUE(off->report.fallback);
  EXPECT_GT(cosine_similarity(on->embeddings.data<float>(), off->embeddings.data<float>()),
            0.999999);
  EXPECT_EQ(engine->measure(kTinyModel, "CPU", 0.1).status().code(),
            StatusCode::kFailedPrecondition);
  const auto converted = engine->convert(
      {.source = kTinyModel, .output = (cache_.path() / "out").string(), .progress = {}});
  ASSERT_TRUE(converted.ok()) << converted.status().to_string();
  EXPECT_TRUE(converted->checked);
  EXPECT_FALSE(engine->devices().empty());
}

// row 220
TEST_F(HardwareTest, WhoeverWantsNoAccelerationGetsNone) {
  const auto engine = make();
  const auto model = engine->load({.path = kTinyModel, .device = "GPU.7", .local = true});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto result = (*model)->embed({"a text"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->report.backend, "reference");
  EXPECT_EQ(result->report.local_reason, "asked for");
  EXPECT_FALSE(result->report.fallback);
}

// row 22
TEST_F(HardwareTest, AnAbsentDeviceIsReplacedWhereThatIsAllowed) {
  const auto engine = make();
  EXPECT_EQ(
      engine->load({.path = kTinyModel, .device = "MYRIAD", .use = Use::kRun}).status().code(),
      StatusCode::kNotFound);
  const auto model = engine->load({.path = kTinyModel, .device = "GPU.7", .fallback = true});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto result = (*model)->embed({"a text"});
  EXPECT_EQ(result->report.backend, "openvino");
  EXPECT_EQ(result->report.device, "CPU");
  EXPECT_TRUE(result->report.fallback);
  EXPECT_THAT(result->report.fallback_reason, HasSubstr("GPU.7"));
  const auto without = make_without_openvino()->load({.path = kTinyModel, .fallback = true});
  ASSERT_TRUE(without.ok()) << without.status().to_string();
  const auto crashed = (*without)->embed({"a text"});
  EXPECT_EQ(crashed->report.backend, "reference");
  EXPECT_THAT(crashed->report.fallback_reason, HasSubstr("Illegal instruction"));
}

// row 19 (partial: the library; measuring commands are in tests/journey)
TEST_F(HardwareTest, SimulatedDevicesAreMarkedInEveryResultAndNeverMeasured) {
  const auto engine = make({.simulated_devices = {"GPU.1"}});
  EXPECT_TRUE(engine->simulates());
  std::set<std::string> simulated;
  for (const DeviceReport& device : engine->devices()) {
    if (device.simulated) simulated.insert(device.name);
  }
  EXPECT_THAT(simulated, ElementsAre("GPU.1"));
  for (const char* device : {"GPU.1", "CPU"}) {
    const auto model = engine->load({.path = kTinyModel, .device = device});
    ASSERT_TRUE(model.ok()) << model.status().to_string();
    const auto result = (*model)->embed({"a text"});
    EXPECT_TRUE(result->report.simulated);
    EXPECT_EQ(result->report.device, "CPU");
  }
  EXPECT_EQ(engine->load({.path = kTinyModel, .device = "GPU.2"}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(engine->measure(kTinyModel, "GPU.1", 0.1).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine->machine_speed(Measuring::kAgain).status().code(),
            StatusCode::kFailedPrecondition);
  // What is simulated proves nothing of the hardware.
  EXPECT_FALSE(get_compute_backend(*engine, HardwareType::kCuda).is_available());

  const auto real = make();
  EXPECT_FALSE(real->simulates());
  for (const DeviceReport& device : real->devices()) EXPECT_FALSE(device.simulated);
  EXPECT_FALSE((*real->load({.path = kTinyModel}))->embed({"x"})->report.simulated);
  EXPECT_EQ(Engine::create({.simulated_devices = {"CPU"}}).status().code(),
            StatusCode::kInvalidArgument);
}

// row 15 (partial: the CPU; other devices are not on the build machine)
TEST_F(HardwareTest, DevicesTellNameCoresAndRuntime) {
  for (const DeviceReport& device : make()->devices()) {
    EXPECT_FALSE(device.full_name.empty());
    EXPECT_EQ(device.architecture, hardware::read_cpu().architecture);
    EXPECT_EQ(device.units, hardware::read_cpu().cores);
    EXPECT_THAT(device.driver, AnyOf(HasSubstr("openvino 20"), HasSubstr("reference 20")));
  }
}

TEST_F(HardwareTest, TheMachinesSpeedIsMeasuredOnceAndRemembered) {
  const auto engine = make();
  EXPECT_EQ(engine->machine_speed(Measuring::kNever).status().code(), StatusCode::kNotFound);
  const auto first = engine->machine_speed(Measuring::kOnce);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_GT(first->memory_gb_per_s, 0);
  EXPECT_TRUE(first->remembered);
  EXPECT_EQ(first->measured_at.size(), std::string("2026-11-30T09:30:00Z").size());
  const auto again = make()->machine_speed(Measuring::kNever);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->memory_gb_per_s, first->memory_gb_per_s);
  EXPECT_EQ(again->measured_at, first->measured_at);
}

}  // namespace
}  // namespace accel
