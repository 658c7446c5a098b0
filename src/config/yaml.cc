#include "config/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "base/try.h"
#include "base/utf8.h"

namespace accel::config {
namespace {

Status at_line(std::string_view name, int line, std::string_view what) {
  return invalid_argument(fmt::format("{}:{}: {}", name, line, what));
}

// Leaves the parser from within one of its events.
struct Refused : std::exception {
  Refused(int at, std::string text) : line(at), what_is_wrong(std::move(text)) {}
  int line;
  std::string what_is_wrong;
};

// Builds the tree from the parser's events, in which nothing has been expanded yet.
class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Refused(line_of(mark), "expected one document, found a second");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    add({.kind = YamlKind::kNull, .line = line_of(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused(line_of(mark), "expected a value, found an alias (*); write the value itself");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    // Without quotes these are nothing, as an empty value is.
    const bool nothing = tag == "?" && (value.empty() || value == "~" || value == "null");
    add({.kind = nothing ? YamlKind::kNull : YamlKind::kScalar,
         .line = line_of(mark),
         .text = value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlKind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::string key;
    int key_line = 0;
    bool has_key = false;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  static void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused(line_of(mark), "anchors (&) are not taken; write values out");
    const bool usual = tag.empty() || tag == "?" || tag == "!";
    if (!usual) throw Refused(line_of(mark), "tags (!) are not taken; write plain values");
  }

  void open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check(mark, tag, anchor);
    if (open_.size() >= kYamlDepthMax) {
      throw Refused(line_of(mark), fmt::format("expected at most {} levels", kYamlDepthMax));
    }
    if (expects_key()) throw Refused(line_of(mark), "expected a name as key, found a collection");
    open_.push_back({.node = {.kind = kind, .line = line_of(mark)}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlKind::kMap && !open_.back().has_key;
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (expects_key()) {
      if (node.text.empty()) throw Refused(node.line, "expected a name as key, found none");
      const auto same = std::ranges::find(parent.node.children, node.text, &YamlNode::key);
      if (same != parent.node.children.end()) {
        throw Refused(node.line,
                      fmt::format("'{}' stands in line {} already", node.text, same->line));
      }
      parent.key = std::move(node.text);
      parent.key_line = node.line;
      parent.has_key = true;
      return;
    }
    if (parent.node.kind == YamlKind::kMap) {
      node.key = std::move(parent.key);
      node.line = parent.key_line;  // where the reader looks for it
      parent.has_key = false;
    }
    parent.node.children.push_back(std::move(node));
    if (parent.node.children.size() > kChildrenMax) {
      throw Refused(parent.node.line, fmt::format("expected at most {} entries", kChildrenMax));
    }
  }

  static constexpr size_t kChildrenMax = 4096;  // keys of one mapping are compared with each other

  YamlNode root_;
  std::vector<Open> open_;
  int documents_ = 0;
};

Status check_text(std::string_view text, std::string_view name) {
  if (text.size() > kYamlBytesMax) {
    return resource_exhausted(fmt::format("{}: expected at most {} KiB of settings, found {} bytes",
                                          name, kYamlBytesMax >> 10, text.size()));
  }
  int line = 1;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
    if (control) return at_line(name, line, fmt::format("found the control character {:#04x}", c));
    if (c == '\n') ++line;
  }
  return {};
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text, std::string_view name) {
  ACCEL_TRY(check_text(text, name));
  if (find_invalid_utf8(text) != std::string_view::npos) {
    return invalid_argument(fmt::format("{}: expected UTF-8", name));
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return at_line(name, refused.line, refused.what_is_wrong);
  } catch (const YAML::Exception& error) {
    return at_line(name, std::max(error.mark.line, 0) + 1, "no YAML: " + error.msg);
  } catch (const std::exception& error) {
    return invalid_argument(fmt::format("{}: no YAML: {}", name, error.what()));
  }
}

}  // namespace accel::config
