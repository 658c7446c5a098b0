// What a repository of a hub holds, and which of it a model needs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::hub {

struct RepositoryFile {
  std::string name;  // "1_Pooling/config.json": safe to use below a folder
  uint64_t size = 0;
  // What the content is checked by, and the blob's name in a cache: 64 digits are the SHA-256 of an
  // LFS file, 40 the SHA-1 of a git blob.
  std::string hash;

  bool is_lfs() const { return hash.size() == 64; }
  friend bool operator==(const RepositoryFile&, const RepositoryFile&) = default;
};

struct Listing {
  std::string commit;                 // 40 digits
  std::vector<RepositoryFile> files;  // sorted by name
};

// The largest answer that parse_listing() is asked to read.
constexpr uint64_t kListingBytesMax = 32ull << 20;

// The answer of GET /api/models/REPOSITORY/revision/REVISION?blobs=true: "sha", and "siblings" of
// "rfilename", "size", "blobId" and for LFS files "lfs": {"sha256", "size"}. What it says is
// hostile until checked: names that leave their folder, that repeat or that are another's folder,
// hashes that are none, sizes below zero or absurd, and more than 100,000 files are refused.
// INVALID_ARGUMENT names the field at fault.
Result<Listing> parse_listing(std::string_view json);

struct Selection {
  std::vector<std::string> include;  // patterns of file_names.h; empty: what the policy says
  std::vector<std::string> exclude;
  bool all = false;  // no policy: every file
};

struct Choice {
  std::vector<RepositoryFile> files;  // sorted by name
  std::string weights;  // the form that was chosen, "safetensors"; empty: none, or not by policy
  uint64_t bytes = 0;   // of `files`
  size_t skipped = 0;
  uint64_t bytes_skipped = 0;
};

// The files that running the model needs.
//
// Weights in the form that is read best, and in this one only: safetensors, else PyTorch's .bin,
// else GGUF, else OpenVINO IR, else ONNX (with its external data). Within a folder the better of
// the first two, so that a module of a sentence transformer keeps its own. Beside them settings,
// vocabularies and templates (.json, .txt, .model, .jinja and so on) and the licence; no pictures,
// texts for people, training state, code and other frameworks' weights. Patterns of `include`
// replace all this, those of `exclude` take away.
//
// NOT_FOUND when nothing remains, and says what there was. FAILED_PRECONDITION when there are
// several GGUF files of which one is wanted: names them.
Result<Choice> choose_files(const Listing& listing, const Selection& selection);

}  // namespace accel::hub
