#include "hardware/accelerators.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <system_error>

#include "hardware/system_text.h"

namespace accel::hardware {
namespace {

namespace fs = std::filesystem;

constexpr int kIntel = 0x8086;
constexpr int kNvidia = 0x10de;
constexpr int kAmd = 0x1002;
constexpr int kQualcomm = 0x17cb;
constexpr int kDisplay = 0x03;     // the class's first byte
constexpr int kProcessing = 0x12;  // processing accelerators

struct PciDevice {
  std::string address;
  std::string id;  // "8086:56a0"
  int vendor = 0;
  int base_class = 0;
  std::string driver;
};

// What the machine shows, read once.
struct Seen {
  fs::path root;
  std::vector<PciDevice> pci;
};

// The name of the driver bound to a device of sysfs; empty when there is none.
std::string driver_of(const fs::path& device) {
  std::error_code error;
  const fs::path link = fs::read_symlink(device / "driver", error);
  return error ? std::string() : link.filename().string();
}

std::vector<PciDevice> read_pci(const fs::path& root) {
  const fs::path bus = "sys/bus/pci/devices";
  std::vector<PciDevice> devices;
  for (const std::string& address : list_folder(root / bus)) {
    const std::string vendor = text_at(root, bus / address / "vendor");  // "0x8086"
    const std::string device = text_at(root, bus / address / "device");
    PciDevice pci;
    pci.address = address;
    pci.vendor = parse_int(vendor, 0);
    pci.base_class = parse_int(text_at(root, bus / address / "class"), 0) >> 16;
    pci.id = vendor.substr(vendor.starts_with("0x") ? 2 : 0);
    pci.id += ':';
    pci.id += device.substr(device.starts_with("0x") ? 2 : 0);
    pci.driver = driver_of(root / bus / address);
    devices.push_back(std::move(pci));
  }
  return devices;
}

// The PCI devices of a vendor in any of the classes, noted in `accelerator`.
void note_pci(const Seen& seen, int vendor, std::initializer_list<int> classes,
              Accelerator& accelerator) {
  for (const PciDevice& device : seen.pci) {
    if (device.vendor != vendor) continue;
    if (std::find(classes.begin(), classes.end(), device.base_class) == classes.end()) continue;
    accelerator.devices.push_back(device.address + " " + device.id);
    if (accelerator.driver.empty()) accelerator.driver = device.driver;
  }
  accelerator.found = !accelerator.devices.empty();
}

// The nodes of a sysfs class (drm, accel) whose device is of `vendor`: "/dev/dri/renderD128".
std::vector<fs::path> nodes_of(const Seen& seen, const char* sysfs_class, const char* prefix,
                               const char* folder, int vendor) {
  std::vector<fs::path> nodes;
  const fs::path base = fs::path("sys/class") / sysfs_class;
  for (const std::string& name : list_folder(seen.root / base)) {
    if (!name.starts_with(prefix)) continue;
    if (parse_int(text_at(seen.root, base / name / "device/vendor"), 0) != vendor) continue;
    nodes.push_back(fs::path(folder) / name);
  }
  return nodes;
}

// Empty when every node is there and may be opened for reading and writing, else the trouble.
std::string trouble_with(const Seen& seen, const std::vector<fs::path>& nodes, const char* group) {
  for (const fs::path& node : nodes) {
    const fs::path real = seen.root / node.relative_path();
    std::error_code ignored;
    if (!fs::exists(real, ignored)) {
      return node.string() + " is not there: in a container, pass the device in (--device " +
             node.string() + ")";
    }
    if (::access(real.c_str(), R_OK | W_OK) != 0) {
      return "this user may not open " + node.string() + ": add the user to the group " + group;
    }
  }
  return {};
}

std::string count_of(const Accelerator& accelerator) {
  const size_t count = accelerator.devices.size();
  return std::to_string(count) + (count == 1 ? " device" : " devices") + ", driver " +
         (accelerator.driver.empty() ? "unknown" : accelerator.driver);
}

// The common end of a search: no hardware, no driver, no access, or ready.
void conclude(const Seen& seen, const std::vector<fs::path>& nodes, const std::string& driver,
              const char* group, Accelerator& accelerator) {
  if (!accelerator.found) {
    accelerator.reason = "no such device in this machine";
  } else if (nodes.empty()) {
    accelerator.reason =
        "the device is there, but its kernel driver " + driver +
        (accelerator.driver.empty() ? " is not loaded"
                                    : " offers no node (bound to " + accelerator.driver + ")");
  } else {
    accelerator.reason = trouble_with(seen, nodes, group);
    accelerator.ready = accelerator.reason.empty();
    if (accelerator.ready) accelerator.reason = count_of(accelerator);
  }
}

Accelerator intel_gpu(const Seen& seen) {
  Accelerator gpu{.kind = "intel-gpu", .title = "Intel GPU"};
  note_pci(seen, kIntel, {kDisplay}, gpu);
  const auto nodes = nodes_of(seen, "drm", "renderD", "/dev/dri", kIntel);
  conclude(seen, nodes, "i915 or xe", "render", gpu);
  if (!gpu.ready) return gpu;
  const auto vendors = list_folder(seen.root / "etc/OpenCL/vendors");
  const bool opencl = std::any_of(vendors.begin(), vendors.end(), [](const std::string& name) {
    return name.find("intel") != std::string::npos;
  });
  if (!opencl) {
    gpu.reason += "; its OpenCL driver was not found in /etc/OpenCL/vendors: "
                  "install the package intel-opencl-icd";
  }
  return gpu;
}

Accelerator intel_npu(const Seen& seen) {
  Accelerator npu{.kind = "intel-npu", .title = "Intel NPU"};
  note_pci(seen, kIntel, {kProcessing}, npu);
  const auto nodes = nodes_of(seen, "accel", "accel", "/dev/accel", kIntel);
  conclude(seen, nodes, "intel_vpu (Linux 6.3 or later, with its firmware)", "render", npu);
  return npu;
}

// The sticks that devices called MYRIAD or VPU meant.
Accelerator intel_vpu(const Seen& seen) {
  Accelerator stick{.kind = "intel-vpu", .title = "Intel Movidius (MYRIAD)"};
  const fs::path bus = "sys/bus/usb/devices";
  for (const std::string& name : list_folder(seen.root / bus)) {
    if (text_at(seen.root, bus / name / "idVendor") != "03e7") continue;
    stick.devices.push_back(name + " 03e7:" + text_at(seen.root, bus / name / "idProduct"));
  }
  stick.found = !stick.devices.empty();
  stick.reason = stick.found ? "its driver, the MYRIAD plug-in, ended with OpenVINO 2022.3: "
                               "use CPU, GPU or NPU instead"
                             : "no such device in this machine";
  return stick;
}

// "550.54.14" out of "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 ...".
std::string nvidia_version(std::string_view text) {
  for (const std::string_view word : split_words(text.substr(0, text.find('\n')))) {
    if (std::isdigit(static_cast<unsigned char>(word[0])) != 0 &&
        word.find('.') != std::string_view::npos) {
      return std::string(word);
    }
  }
  return {};
}

Accelerator nvidia_gpu(const Seen& seen) {
  Accelerator gpu{.kind = "nvidia-gpu", .title = "NVIDIA GPU"};
  note_pci(seen, kNvidia, {kDisplay}, gpu);
  std::vector<fs::path> nodes;
  for (const std::string& name : list_folder(seen.root / "dev")) {
    const std::string_view number = std::string_view(name).substr(std::min<size_t>(6, name.size()));
    if (name.starts_with("nvidia") && parse_number(number)) nodes.emplace_back("/dev/" + name);
  }
  // A container may see the nodes and not the bus.
  if (!gpu.found) {
    for (const fs::path& node : nodes) gpu.devices.push_back(node.string());
    gpu.found = !nodes.empty();
  }
  const std::string version = nvidia_version(text_at(seen.root, "proc/driver/nvidia/version"));
  if (gpu.found && version.empty()) {
    gpu.reason = "the device is there, but NVIDIA's kernel driver is not loaded" +
                 (gpu.driver.empty() ? std::string() : " (bound to " + gpu.driver + ")") +
                 ": install the package nvidia-driver";
    return gpu;
  }
  if (gpu.found) {
    gpu.driver = "nvidia " + version;
    nodes.emplace_back("/dev/nvidiactl");
  }
  conclude(seen, nodes, "nvidia", "video", gpu);
  return gpu;
}

Accelerator amd_gpu(const Seen& seen) {
  Accelerator gpu{.kind = "amd-gpu", .title = "AMD GPU"};
  note_pci(seen, kAmd, {kDisplay, kProcessing}, gpu);
  auto nodes = nodes_of(seen, "drm", "renderD", "/dev/dri", kAmd);
  if (!nodes.empty()) nodes.emplace_back("/dev/kfd");
  conclude(seen, nodes, "amdgpu (with kfd)", "render", gpu);
  return gpu;
}

Accelerator qualcomm_npu(const Seen& seen) {
  Accelerator npu{.kind = "qualcomm-npu", .title = "Qualcomm NPU"};
  note_pci(seen, kQualcomm, {kProcessing}, npu);
  auto nodes = nodes_of(seen, "accel", "accel", "/dev/accel", kQualcomm);
  // On a Snapdragon the compute DSP is no PCI device.
  for (const std::string& name : list_folder(seen.root / "dev")) {
    if (!name.starts_with("fastrpc-cdsp")) continue;
    nodes.emplace_back("/dev/" + name);
    npu.devices.push_back("/dev/" + name);
    npu.found = true;
    if (npu.driver.empty()) npu.driver = "fastrpc";
  }
  conclude(seen, nodes, "qaic", "render", npu);
  return npu;
}

Accelerator apple_gpu(const Seen& seen) {
  Accelerator gpu{.kind = "apple-gpu", .title = "Apple GPU (Metal)"};
  const std::string machine = text_at(seen.root, "sys/firmware/devicetree/base/compatible");
  gpu.found = machine.find("apple,") != std::string::npos;
  if (gpu.found) {
    gpu.devices.push_back(machine.substr(0, machine.find('\0')));
    gpu.reason = "the device is there, but its driver Metal is a part of macOS, and this is Linux";
  } else {
    gpu.reason = "no such device in this machine";
  }
  return gpu;
}

// Browsers have it inside themselves; nothing of it lies on a machine for programs.
Accelerator webnn() {
  return {.kind = "webnn",
          .title = "WebNN",
          .reason = "an interface of web browsers: pages can use it, programs cannot",
          .devices = {},
          .driver = {}};
}

Accelerator webgpu(const Seen& seen) {
  Accelerator gpu{.kind = "webgpu", .title = "WebGPU"};
  for (const char* folder : {"usr/lib", "usr/lib64", "usr/local/lib", "usr/lib/x86_64-linux-gnu",
                             "usr/lib/aarch64-linux-gnu"}) {
    for (const std::string& name : list_folder(seen.root / folder)) {
      if (!name.starts_with("libwebgpu_dawn.so") && !name.starts_with("libwgpu_native.so"))
        continue;
      gpu.devices.push_back("/" + std::string(folder) + "/" + name);
    }
  }
  gpu.found = !gpu.devices.empty();
  if (!gpu.found) {
    gpu.reason = "no runtime of it for programs: neither libwebgpu_dawn.so nor libwgpu_native.so "
                 "is installed";
    return gpu;
  }
  for (const char* folder : {"usr/share/vulkan/icd.d", "etc/vulkan/icd.d"}) {
    gpu.ready = gpu.ready || !list_folder(seen.root / folder).empty();
  }
  gpu.driver = gpu.ready ? "Vulkan" : "";
  gpu.reason = gpu.ready ? count_of(gpu)
                         : "its runtime is there, but no Vulkan driver in /usr/share/vulkan/icd.d: "
                           "install the package mesa-vulkan-drivers";
  return gpu;
}

}  // namespace

std::vector<Accelerator> find_accelerators(const fs::path& root) {
  const Seen seen{root, read_pci(root)};
  return {intel_gpu(seen),    intel_npu(seen), intel_vpu(seen), nvidia_gpu(seen), amd_gpu(seen),
          qualcomm_npu(seen), apple_gpu(seen), webnn(),         webgpu(seen)};
}

}  // namespace accel::hardware
