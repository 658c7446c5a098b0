#include "models/foreign/ir_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <system_error>

#include "base/try.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

constexpr int64_t kVersionMin = 10;
constexpr int64_t kVersionMax = 11;
// Writers may pad the file to a page.
constexpr uint64_t kPaddingMax = 4096;

Status no_ir(std::string_view what) {
  return data_loss(fmt::format("expected an OpenVINO IR, found {}; the file is cut off or damaged: "
                               "export or fetch it again",
                               what));
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// One tag: "<name a="1" b="2">", its attributes as they are written.
struct Tag {
  std::string_view name;
  bool closing = false;  // </name>
  std::map<std::string_view, std::string_view> attributes;
};

// The tags of an XML text, one after another; comments, declarations and text are passed over.
class TagReader {
 public:
  explicit TagReader(std::string_view text) : rest_(text) {}

  // None at the end, and where a tag is broken: broken() tells.
  std::optional<Tag> next();
  bool broken() const { return broken_; }

 private:
  bool skip_to(std::string_view end);
  std::string_view word();
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool attribute(Tag& tag);
  std::optional<Tag> fail() {
    broken_ = true;
    rest_ = {};
    return std::nullopt;
  }

  std::string_view rest_;
  bool broken_ = false;
};

bool TagReader::skip_to(std::string_view end) {
  const size_t at = rest_.find(end);
  rest_ = at == std::string_view::npos ? std::string_view() : rest_.substr(at + end.size());
  return at != std::string_view::npos;
}

std::string_view TagReader::word() {
  size_t size = 0;
  while (size < rest_.size() && !is_blank(rest_[size]) && rest_[size] != '=' &&
         rest_[size] != '>' && rest_[size] != '/' && rest_[size] != '<') {
    ++size;
  }
  const std::string_view found = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return found;
}

bool TagReader::attribute(Tag& tag) {
  const std::string_view name = word();
  skip_blanks();
  if (name.empty() || !rest_.starts_with('=')) return false;
  rest_.remove_prefix(1);
  skip_blanks();
  if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) return false;
  const char quote = rest_.front();
  rest_.remove_prefix(1);
  const size_t end = rest_.find(quote);
  if (end == std::string_view::npos) return false;
  // What is said twice could be read one way here and another way in an engine.
  const bool added = tag.attributes.emplace(name, rest_.substr(0, end)).second;
  rest_.remove_prefix(end + 1);
  return added;
}

std::optional<Tag> TagReader::next() {
  while (true) {
    const size_t at = rest_.find('<');
    if (at == std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(at);
    bool passed = true;
    if (rest_.starts_with("<!--")) {
      passed = skip_to("-->");
    } else if (rest_.starts_with("<![CDATA[")) {
      passed = skip_to("]]>");
    } else if (rest_.starts_with("<?")) {
      passed = skip_to("?>");
    } else if (rest_.starts_with("<!")) {
      return fail();  // entities could put anything anywhere
    } else {
      break;
    }
    if (!passed) return fail();
  }
  rest_.remove_prefix(1);
  Tag tag;
  if (rest_.starts_with('/')) {
    tag.closing = true;
    rest_.remove_prefix(1);
  }
  tag.name = word();
  if (tag.name.empty()) return fail();
  while (true) {
    skip_blanks();
    if (rest_.starts_with('>')) {
      rest_.remove_prefix(1);
      return tag;
    }
    if (rest_.starts_with("/>")) {
      rest_.remove_prefix(2);
      return tag;
    }
    if (!attribute(tag)) return fail();
  }
}

std::optional<uint64_t> number_in(const Tag& tag, std::string_view name) {
  const auto it = tag.attributes.find(name);
  if (it == tag.attributes.end()) return std::nullopt;
  uint64_t value = 0;
  const char* end = it->second.data() + it->second.size();
  const auto read = std::from_chars(it->second.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

bool looks_like_ir(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const auto first = std::ranges::find_if_not(text, is_blank);
  if (first == text.end() || *first != '<') return false;
  TagReader reader(text);
  const auto tag = reader.next();
  return tag && tag->name == "net" && tag->attributes.contains("version");
}

Result<IrHeader> parse_ir_header(std::string_view text) {
  TagReader reader(text);
  IrHeader header;
  bool ended = false;
  while (const auto tag = reader.next()) {
    if (tag->name == "net") {
      ended = tag->closing;
      if (header.version != 0 || ended) continue;  // graphs inside are called <body>
      const auto name = tag->attributes.find("name");
      if (name != tag->attributes.end()) header.name = name->second;
      const auto version = number_in(*tag, "version");
      if (!version) return no_ir("no version of the format");
      header.version = static_cast<int64_t>(*version);
      if (header.version < kVersionMin || header.version > kVersionMax) {
        return unimplemented(
            fmt::format("expected version {} or {} of the IR, found {}; export the model again "
                        "with OpenVINO 2022.1 or later",
                        kVersionMin, kVersionMax, *version));
      }
    } else if (tag->name == "layer" && !tag->closing) {
      ++header.layers;
    } else if (tag->name == "data" && tag->attributes.contains("offset") &&
               tag->attributes.contains("size")) {
      const auto offset = number_in(*tag, "offset");
      const auto size = number_in(*tag, "size");
      if (!offset || !size || *size > std::numeric_limits<uint64_t>::max() - *offset) {
        return no_ir("a constant whose offset or size is no number");
      }
      header.weight_bytes = std::max(header.weight_bytes, *offset + *size);
    }
  }
  if (reader.broken()) return no_ir("a broken tag");
  if (header.version == 0) return no_ir("no <net>");
  if (!ended) return no_ir("no </net>");
  return header;
}

Status check_weight_size(const IrHeader& header, uint64_t bytes) {
  if (bytes < header.weight_bytes) {
    return data_loss(fmt::format("expected {} bytes, which the graph reads, found {}; the file is "
                                 "cut off or belongs to another graph: fetch or export both again",
                                 header.weight_bytes, bytes));
  }
  if (bytes - header.weight_bytes > kPaddingMax) {
    return data_loss(fmt::format("expected {} bytes, which the graph reads, found {}; the file "
                                 "belongs to another graph: fetch or export both again",
                                 header.weight_bytes, bytes));
  }
  return {};
}

}  // namespace accel::models::foreign
