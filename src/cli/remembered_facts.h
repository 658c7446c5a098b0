// The remembered facts of store/facts, for people to look at: what was measured, and whether the
// engine crashed when it was tried.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace accel::cli {

struct RememberedFact {
  std::string kind;  // "precision", "crash-probe"
  std::string engine;
  std::string model;   // fingerprint
  std::string detail;  // e.g. the device
  bool this_cpu = false;
  Json value;
};

// All facts in `folder`, by kind, at most 4,096; what is no fact is left out. `cpu` is this
// machine's identity.
std::vector<RememberedFact> remembered_facts(const std::filesystem::path& folder,
                                             const std::string& cpu);

// "f32 fastest: f32 123/s, bf16 99/s (cosine 0.99991)", "no crash", or the value as JSON.
std::string fact_text(const RememberedFact& fact);

}  // namespace accel::cli
