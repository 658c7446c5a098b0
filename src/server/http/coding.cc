#include "server/http/coding.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

namespace accel::http {
namespace {

// zlib's: the window, and what stands around the stream.
constexpr int kRawWindow = -15;
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;
constexpr size_t kFirstBytes = 4 << 10;

std::string_view trimmed_list_item(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equals_any_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

// Cuts the part before `separator` off the front of `rest`.
std::string_view next_list_item(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view item = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed_list_item(item);
}

// Thousandths of "q=0.5"; -1 for what is no weight. Nothing said is 1000.
int weight_of(std::string_view parameters) {
  int weight = 1000;
  while (!parameters.empty()) {
    const std::string_view parameter = next_list_item(parameters, ';');
    if (parameter.size() < 2 || !equals_any_case(parameter.substr(0, 2), "q=")) continue;
    const std::string_view value = parameter.substr(2);
    if (value.empty() || value.size() > 5 || (value[0] != '0' && value[0] != '1')) return -1;
    if (value.size() > 1 && value[1] != '.') return -1;
    weight = (value[0] - '0') * 1000;
    int scale = 100;
    for (const char c : value.substr(std::min<size_t>(value.size(), 2))) {
      if (c < '0' || c > '9') return -1;
      weight += (c - '0') * scale;
      scale /= 10;
    }
    weight = std::min(weight, 1000);
  }
  return weight;
}

// RFC 1950 requires of the two bytes that they are a multiple of 31; no encoder begins a raw
// stream so: it would be a stored block with bits set that are to be zero.
bool has_zlib_header(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

class Inflation {
 public:
  explicit Inflation(int window) : begun_(inflateInit2(&stream_, window) == Z_OK) {}
  ~Inflation() {
    if (begun_) inflateEnd(&stream_);
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  Result<std::string> run(std::string_view bytes, uint64_t limit);

 private:
  z_stream stream_ = {};
  bool begun_;
};

// Makes room behind `out`'s `size` bytes: as much again, and one byte beyond the limit at most,
// by which is seen that there is more.
void make_room(std::string& out, size_t size, uint64_t limit) {
  const uint64_t wanted = std::max<uint64_t>(kFirstBytes, uint64_t{size} * 2);
  out.resize(static_cast<size_t>(std::min<uint64_t>(wanted, limit + 1)));
}

Result<std::string> Inflation::run(std::string_view bytes, uint64_t limit) {
  if (!begun_) return resource_exhausted("zlib found no memory");
  limit = std::min<uint64_t>(limit, uint64_t{1} << 48);
  std::string out;
  size_t size = 0;
  size_t taken = 0;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (size == out.size()) make_room(out, size, limit);
    // zlib counts with 32 bits.
    constexpr size_t kSlice = 1 << 30;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream_.avail_in = static_cast<uInt>(std::min(bytes.size() - taken, kSlice));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream_.avail_out = static_cast<uInt>(std::min(out.size() - size, kSlice));
    const uInt in = stream_.avail_in;
    const uInt room = stream_.avail_out;
    code = inflate(&stream_, Z_NO_FLUSH);
    taken += in - stream_.avail_in;
    size += room - stream_.avail_out;
    if (size > limit) {
      return out_of_range(fmt::format(
          "expected at most {} bytes when decoded, found more; send a smaller body", limit));
    }
    if (code == Z_MEM_ERROR) return resource_exhausted("zlib found no memory");
    if (code == Z_BUF_ERROR) return invalid_argument("the encoded body is cut off: expected more");
    if (code != Z_OK && code != Z_STREAM_END) {
      return Status(StatusCode::kInvalidArgument,
                    fmt::format("the encoded body is broken at byte {}: {}", taken,
                                stream_.msg == nullptr ? "not this format" : stream_.msg),
                    taken);
    }
  }
  if (taken != bytes.size()) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("expected the end of the encoded body at byte {}, found {} more",
                              taken, bytes.size() - taken),
                  taken);
  }
  out.resize(size);
  return out;
}

}  // namespace

std::optional<Coding> parse_coding(std::string_view text) {
  text = trimmed_list_item(text);
  if (text.empty() || equals_any_case(text, "identity")) return Coding::kIdentity;
  if (equals_any_case(text, "gzip") || equals_any_case(text, "x-gzip")) return Coding::kGzip;
  if (equals_any_case(text, "deflate")) return Coding::kDeflate;
  return std::nullopt;
}

std::string_view to_string(Coding coding) {
  switch (coding) {
    case Coding::kGzip: return "gzip";
    case Coding::kDeflate: return "deflate";
    case Coding::kIdentity: break;
  }
  return "identity";
}

Coding choose_coding(std::string_view accept_encoding) {
  constexpr int kUnsaid = -2;
  int identity = kUnsaid, gzip = kUnsaid, deflate = kUnsaid, any = kUnsaid;
  while (!accept_encoding.empty()) {
    std::string_view item = next_list_item(accept_encoding, ',');
    const std::string_view name = next_list_item(item, ';');
    const int weight = weight_of(item);
    if (weight < 0 || name.empty()) continue;
    if (name == "*") {
      any = weight;
    } else if (const std::optional<Coding> coding = parse_coding(name)) {
      (*coding == Coding::kGzip ? gzip : *coding == Coding::kDeflate ? deflate : identity) = weight;
    }
  }
  if (gzip == kUnsaid) gzip = any;
  if (deflate == kUnsaid) deflate = any;
  // What is not refused may be sent as it is; a coding must be wanted at least as much.
  const int least = std::max(identity, 1);
  if (gzip >= least && gzip >= deflate) return Coding::kGzip;
  if (deflate >= least) return Coding::kDeflate;
  return Coding::kIdentity;
}

Result<std::string> decode(Coding coding, std::string_view bytes, uint64_t limit) {
  switch (coding) {
    case Coding::kGzip: return Inflation(kGzipWindow).run(bytes, limit);
    case Coding::kDeflate:
      return Inflation(has_zlib_header(bytes) ? kZlibWindow : kRawWindow).run(bytes, limit);
    case Coding::kIdentity: break;
  }
  if (bytes.size() > limit) {
    return out_of_range(fmt::format("expected at most {} bytes, found {}; send a smaller body",
                                    limit, bytes.size()));
  }
  return std::string(bytes);
}

std::string encode(Coding coding, std::string_view bytes) {
  if (coding == Coding::kIdentity) return std::string(bytes);
  z_stream stream = {};
  const int window = coding == Coding::kGzip ? kGzipWindow : kZlibWindow;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  std::string out;
  size_t size = 0;
  size_t taken = 0;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    constexpr size_t kSlice = 1 << 30;
    if (size == out.size()) {
      out.resize(size == 0 ? deflateBound(&stream, bytes.size()) : size + kFirstBytes);
    }
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream.avail_in = static_cast<uInt>(std::min(bytes.size() - taken, kSlice));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(std::min(out.size() - size, kSlice));
    const uInt in = stream.avail_in;
    const uInt room = stream.avail_out;
    const bool last = in == bytes.size() - taken;
    code = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
    taken += in - stream.avail_in;
    size += room - stream.avail_out;
  }
  deflateEnd(&stream);
  out.resize(size);
  return out;
}

}  // namespace accel::http
