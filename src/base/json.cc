#include "base/json.h"

#include "base/files.h"
#include "base/try.h"

namespace accel {
namespace {

constexpr int kMaxDepth = 64;

// Builds a Json while refusing depth; a SAX handler because the recursive parser has no limit.
class BoundedBuilder : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  explicit BoundedBuilder(Json& target) : json_sax_dom_parser(target, false) {}

  bool start_object(std::size_t size) { return enter() && json_sax_dom_parser::start_object(size); }
  bool start_array(std::size_t size) { return enter() && json_sax_dom_parser::start_array(size); }
  bool end_object() {
    --depth_;
    return json_sax_dom_parser::end_object();
  }
  bool end_array() {
    --depth_;
    return json_sax_dom_parser::end_array();
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_at_ = position;
    return false;
  }

  bool too_deep() const { return depth_ > kMaxDepth; }
  std::size_t error_at() const { return error_at_; }

 private:
  bool enter() { return ++depth_ <= kMaxDepth; }
  int depth_ = 0;
  std::size_t error_at_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text) {
  // The parser takes a zero byte for the end and would not look at what follows.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Status(StatusCode::kInvalidArgument,
                  "expected valid JSON, found a zero byte at byte " + std::to_string(zero), zero);
  }
  Json root;
  BoundedBuilder builder(root);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return root;
  if (builder.too_deep()) {
    return invalid_argument("expected JSON at most " + std::to_string(kMaxDepth) +
                            " levels deep, found more");
  }
  const std::size_t at = builder.error_at();
  return Status(StatusCode::kInvalidArgument,
                "expected valid JSON, found an error at byte " + std::to_string(at), at);
}

Result<Json> read_json(const std::filesystem::path& path, uint64_t limit) {
  ACCEL_ASSIGN(const std::string text, read_file(path, limit));
  Result<Json> json = parse_json(text);
  if (!json.ok()) return json.status().with_context("reading " + path.string());
  return json;
}

std::string json_quote(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace accel
