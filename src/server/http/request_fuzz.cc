// Whatever the bytes, in whatever pieces they come: memory is bounded, and what is read of them
// does not depend on the pieces.
#include "server/http/request_parser.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using accel::http::RequestParser;
using Progress = RequestParser::Progress;

constexpr uint64_t kHeadBytes = 1024;
constexpr uint64_t kBodyBytes = 512;

struct Outcome {
  Progress progress = Progress::kMore;
  bool head_done = false;
  accel::http::RequestHead head;
  std::string body;
  std::string left;
};

// Pieces of `first` bytes, then of `step`.
Outcome read(std::string_view bytes, size_t first, size_t step) {
  Outcome outcome;
  RequestParser parser(kHeadBytes);
  bool chunks = false;
  for (size_t piece = first;; piece = step) {
    outcome.left += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    if (!chunks) {
      outcome.progress = parser.read_head(outcome.left);
      if (outcome.progress == Progress::kDone) {
        outcome.head_done = true;
        outcome.head = parser.take_head();
        chunks = parser.chunked();
        if (!chunks) break;
        outcome.progress = Progress::kMore;
      }
    }
    if (chunks) outcome.progress = parser.read_chunks(outcome.left, outcome.body, kBodyBytes);
    if (outcome.body.size() > kBodyBytes) std::abort();
    if (outcome.progress != Progress::kMore || bytes.empty()) break;
    if (outcome.left.size() > kHeadBytes + step) std::abort();
  }
  if ((outcome.progress == Progress::kRefused) != (parser.refusal().status != 0)) std::abort();
  outcome.left += bytes;
  return outcome;
}

void check_head(const accel::http::RequestHead& head) {
  if (head.method.empty() || !head.path.starts_with('/')) std::abort();
  uint64_t bytes = 0;
  for (const auto& [name, value] : head.headers) {
    bytes += name.size() + value.size();
    const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    if (name.empty() || std::ranges::any_of(name + value, breaks)) std::abort();
  }
  if (bytes > kHeadBytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t first = data[0] + size_t{1};
  const size_t step = data[1] % 64 + size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const Outcome whole = read(bytes, bytes.size() + 1, 1);
  const Outcome pieces = read(bytes, first, step);
  if (whole.head_done) check_head(whole.head);
  // A fault may be seen late where the bytes come in pieces, but never as a request.
  if ((whole.progress == Progress::kDone) != (pieces.progress == Progress::kDone)) std::abort();
  if (whole.progress != Progress::kDone) return 0;
  if (whole.head.path != pieces.head.path || whole.body != pieces.body ||
      whole.left != pieces.left || whole.head.headers.size() != pieces.head.headers.size() ||
      whole.head.content_length != pieces.head.content_length) {
    std::abort();
  }
  return 0;
}
