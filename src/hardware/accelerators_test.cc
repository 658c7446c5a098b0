#include "hardware/accelerators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "hardware/fake_root.h"

namespace accel::hardware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

Accelerator find(const FakeRoot& root, const std::string& kind) {
  for (const Accelerator& accelerator : find_accelerators(root.path())) {
    if (accelerator.kind == kind) return accelerator;
  }
  ADD_FAILURE() << "no entry of kind " << kind;
  return {};
}

void add_pci(const FakeRoot& root, const std::string& address, const char* vendor,
             const char* device, const char* pci_class, const char* driver = nullptr) {
  const fs::path folder = "sys/bus/pci/devices/" + address;
  root.write(folder / "vendor", std::string(vendor) + "\n");
  root.write(folder / "device", std::string(device) + "\n");
  root.write(folder / "class", std::string(pci_class) + "\n");
  if (driver != nullptr) root.link(folder / "driver", fs::path("../../drivers") / driver);
}

// row 18 (partial: a machine without any; the report of all types is the engine's)
TEST(Accelerators, AMachineWithoutAnySaysNoToEach) {
  const FakeRoot root;
  std::vector<std::string> kinds;
  for (const Accelerator& accelerator : find_accelerators(root.path())) {
    kinds.push_back(accelerator.kind);
    EXPECT_FALSE(accelerator.found);
    EXPECT_FALSE(accelerator.ready);
    if (accelerator.kind.starts_with("web")) continue;  // no devices: each has its own reason
    EXPECT_EQ(accelerator.reason, "no such device in this machine");
  }
  EXPECT_THAT(kinds, ElementsAre("intel-gpu", "intel-npu", "intel-vpu", "nvidia-gpu", "amd-gpu",
                                 "qualcomm-npu", "apple-gpu", "webnn", "webgpu"));
  EXPECT_THAT(find(root, "webnn").reason, HasSubstr("programs cannot"));
  EXPECT_THAT(find(root, "webgpu").reason, HasSubstr("libwgpu_native.so"));
}

// row 18 (partial: Metal and WebGPU on recorded trees)
TEST(Accelerators, WhatIsMissingForMetalAndWebGpuIsNamed) {
  const FakeRoot root;
  root.write("sys/firmware/devicetree/base/compatible",
             std::string_view("apple,j293\0apple,t8103", 22));
  const Accelerator metal = find(root, "apple-gpu");
  EXPECT_TRUE(metal.found);
  EXPECT_FALSE(metal.ready);
  EXPECT_THAT(metal.devices, ElementsAre("apple,j293"));
  EXPECT_THAT(metal.reason, HasSubstr("Metal is a part of macOS"));

  root.write("usr/lib/libwgpu_native.so", "");
  Accelerator webgpu = find(root, "webgpu");
  EXPECT_TRUE(webgpu.found);
  EXPECT_FALSE(webgpu.ready);
  EXPECT_THAT(webgpu.reason, HasSubstr("mesa-vulkan-drivers"));
  root.write("usr/share/vulkan/icd.d/lvp_icd.json", "{}");
  webgpu = find(root, "webgpu");
  EXPECT_TRUE(webgpu.ready);
  EXPECT_EQ(webgpu.reason, "1 device, driver Vulkan");
}

// row 313 (partial: Intel's and NVIDIA's kernel drivers, AMD's below, on recorded trees)
TEST(Accelerators, AMissingDriverIsNamed) {
  const FakeRoot root;
  add_pci(root, "0000:00:02.0", "0x8086", "0x56a0", "0x030000");
  add_pci(root, "0000:00:0b.0", "0x8086", "0x7d1d", "0x120000");
  add_pci(root, "0000:01:00.0", "0x10de", "0x2230", "0x030200", "nouveau");
  add_pci(root, "0000:02:00.0", "0x1002", "0x744c", "0x030000");
  const Accelerator gpu = find(root, "intel-gpu");
  EXPECT_TRUE(gpu.found);
  EXPECT_FALSE(gpu.ready);
  EXPECT_THAT(gpu.devices, ElementsAre("0000:00:02.0 8086:56a0"));
  EXPECT_THAT(gpu.reason, HasSubstr("i915 or xe is not loaded"));
  EXPECT_THAT(find(root, "intel-npu").reason, HasSubstr("intel_vpu"));
  const Accelerator nvidia = find(root, "nvidia-gpu");
  EXPECT_TRUE(nvidia.found);
  EXPECT_THAT(nvidia.reason, HasSubstr("bound to nouveau"));
  EXPECT_THAT(nvidia.reason, HasSubstr("nvidia-driver"));
  EXPECT_THAT(find(root, "amd-gpu").reason, HasSubstr("amdgpu"));
}

TEST(Accelerators, IntelGpuReadyWithAndWithoutOpenCl) {
  const FakeRoot root;
  add_pci(root, "0000:00:02.0", "0x8086", "0x56a0", "0x030000", "xe");
  root.link("sys/class/drm/renderD128/device", root.path() / "sys/bus/pci/devices/0000:00:02.0");
  Accelerator gpu = find(root, "intel-gpu");
  EXPECT_FALSE(gpu.ready);  // a container without the node
  EXPECT_THAT(gpu.reason, HasSubstr("--device /dev/dri/renderD128"));
  root.write("dev/dri/renderD128", "");
  gpu = find(root, "intel-gpu");
  EXPECT_TRUE(gpu.ready);
  EXPECT_EQ(gpu.driver, "xe");
  EXPECT_THAT(gpu.reason, HasSubstr("1 device, driver xe"));
  EXPECT_THAT(gpu.reason, HasSubstr("intel-opencl-icd"));
  root.write("etc/OpenCL/vendors/intel.icd", "libigdrcl.so");
  EXPECT_EQ(find(root, "intel-gpu").reason, "1 device, driver xe");
  EXPECT_FALSE(find(root, "amd-gpu").found);
}

TEST(Accelerators, ANodeThatThisUserMayNotOpen) {
  const FakeRoot root;
  add_pci(root, "0000:00:0b.0", "0x8086", "0x7d1d", "0x120000", "intel_vpu");
  root.link("sys/class/accel/accel0/device", root.path() / "sys/bus/pci/devices/0000:00:0b.0");
  root.write("dev/accel/accel0", "");
  fs::permissions(root.path() / "dev/accel/accel0", fs::perms::none);
  fs::permissions(root.path(), fs::perms::all);
  // Root may open everything, so a child asks as somebody else.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) ::_exit(2);
    const Accelerator npu = find(root, "intel-npu");
    const bool told = npu.reason.find("add the user to the group render") != std::string::npos;
    ::_exit(npu.found && !npu.ready && told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Accelerators, IntelNpuReady) {
  const FakeRoot root;
  add_pci(root, "0000:00:0b.0", "0x8086", "0x7d1d", "0x120000", "intel_vpu");
  root.link("sys/class/accel/accel0/device", root.path() / "sys/bus/pci/devices/0000:00:0b.0");
  root.write("dev/accel/accel0", "");
  EXPECT_TRUE(find(root, "intel-npu").ready);
  EXPECT_FALSE(find(root, "intel-gpu").found);
  EXPECT_FALSE(find(root, "qualcomm-npu").found);
}

TEST(Accelerators, NvidiaVersionOfBothKernelModules) {
  const FakeRoot root;
  add_pci(root, "0000:01:00.0", "0x10de", "0x2335", "0x030200", "nvidia");
  root.write("dev/nvidia0", "");
  root.write("dev/nvidia-uvm", "");
  root.write("proc/driver/nvidia/version",
             "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n");
  EXPECT_THAT(find(root, "nvidia-gpu").reason, HasSubstr("/dev/nvidiactl is not there"));
  root.write("dev/nvidiactl", "");
  Accelerator gpu = find(root, "nvidia-gpu");
  EXPECT_TRUE(gpu.ready);
  EXPECT_EQ(gpu.driver, "nvidia 580.65.06");
  root.write("proc/driver/nvidia/version",
             "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30\n");
  EXPECT_EQ(find(root, "nvidia-gpu").driver, "nvidia 550.54.14");
}

TEST(Accelerators, NvidiaInAContainerWithoutTheBus) {
  const FakeRoot root;
  root.write("dev/nvidia0", "");
  root.write("dev/nvidia1", "");
  root.write("dev/nvidiactl", "");
  root.write("proc/driver/nvidia/version", "NVRM version: NVIDIA Kernel Module  550.54.14\n");
  const Accelerator gpu = find(root, "nvidia-gpu");
  EXPECT_TRUE(gpu.ready);
  EXPECT_THAT(gpu.devices, ElementsAre("/dev/nvidia0", "/dev/nvidia1"));
}

TEST(Accelerators, AmdNeedsKfdBesideTheRenderNode) {
  const FakeRoot root;
  add_pci(root, "0000:02:00.0", "0x1002", "0x740f", "0x120000", "amdgpu");
  root.link("sys/class/drm/renderD129/device", root.path() / "sys/bus/pci/devices/0000:02:00.0");
  root.write("dev/dri/renderD129", "");
  EXPECT_THAT(find(root, "amd-gpu").reason, HasSubstr("/dev/kfd is not there"));
  root.write("dev/kfd", "");
  EXPECT_TRUE(find(root, "amd-gpu").ready);
}

// row 17 (partial: the stick itself; the device name is the engine's to refuse)
TEST(Accelerators, AMovidiusStickIsFoundAndItsEndIsTold) {
  const FakeRoot root;
  root.write("sys/bus/usb/devices/1-4/idVendor", "03e7\n");
  root.write("sys/bus/usb/devices/1-4/idProduct", "2485\n");
  const Accelerator stick = find(root, "intel-vpu");
  EXPECT_TRUE(stick.found);
  EXPECT_FALSE(stick.ready);
  EXPECT_THAT(stick.devices, ElementsAre("1-4 03e7:2485"));
  EXPECT_THAT(stick.reason, HasSubstr("use CPU, GPU or NPU instead"));
}

TEST(Accelerators, HostileTreesDoNoHarm) {
  const FakeRoot root;
  add_pci(root, "0000:00:02.0", "nonsense", "", "0xffffffffffffffffff");
  add_pci(root, "x", "0x8086", "\xff", "0x030000");
  fs::create_directories(root.path() / "sys/bus/pci/devices/empty");
  root.write("sys/bus/usb/devices", "a file where a folder belongs");
  root.write("dev/nvidia", "");
  root.write("dev/nv", "");
  EXPECT_EQ(find_accelerators(root.path()).size(), 9u);
}

// row 14 (partial: presence against the system's own nodes on this machine)
TEST(Accelerators, ThisMachine) {
  for (const Accelerator& accelerator : find_accelerators()) {
    EXPECT_FALSE(accelerator.reason.empty()) << accelerator.kind;
    EXPECT_EQ(accelerator.found, !accelerator.devices.empty()) << accelerator.kind;
    if (accelerator.kind == "nvidia-gpu" && accelerator.ready) {
      EXPECT_TRUE(fs::exists("/dev/nvidiactl"));
    }
    if (accelerator.kind == "amd-gpu" && accelerator.ready) {
      EXPECT_TRUE(fs::exists("/dev/kfd"));
    }
  }
}

}  // namespace
}  // namespace accel::hardware
