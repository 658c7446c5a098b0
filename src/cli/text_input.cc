#include "cli/text_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/try.h"
#include "base/utf8.h"
#include "cli/json_record.h"
#include "cli/line_reader.h"

namespace accel::cli {
namespace {

// An open file, or standard input, which stays open.
class InputFile {
 public:
  static Result<std::unique_ptr<InputFile>> open(const std::string& path) {
    const bool standard = path == "-";
    const int fd = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno_status(errno, "opening", path);
    auto file = std::unique_ptr<InputFile>(new InputFile(fd, standard));
    struct stat info {};
    if (::fstat(fd, &info) != 0) return errno_status(errno, "reading", path);
    if (S_ISDIR(info.st_mode)) return errno_status(EISDIR, "reading", path);
    if (S_ISREG(info.st_mode)) file->size_bytes_ = static_cast<uint64_t>(info.st_size);
    return file;
  }
  ~InputFile() {
    if (!standard_) ::close(fd_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int fd() const { return fd_; }
  std::optional<uint64_t> size_bytes() const { return size_bytes_; }

 private:
  InputFile(int fd, bool standard) : fd_(fd), standard_(standard) {}
  int fd_;
  bool standard_;
  std::optional<uint64_t> size_bytes_;
};

std::string name_of(const std::string& path) { return path == "-" ? "standard input" : path; }

Status refuse_utf8(size_t offset) {
  return {StatusCode::kInvalidArgument,
          fmt::format("expected UTF-8, found an invalid sequence at byte {}; convert the text, or "
                      "leave out --strict to have it replaced by U+FFFD",
                      offset),
          offset};
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

class LineInput : public TextInput {
 public:
  LineInput(std::unique_ptr<InputFile> file, std::string name, TextInputOptions options)
      : file_(std::move(file)),
        name_(std::move(name)),
        options_(std::move(options)),
        lines_(file_->fd(), {.name = name_, .stop_fd = options_.stop_fd}) {}

  Result<std::optional<InputText>> next() override;
  uint64_t replaced_utf8() const override { return replaced_; }
  std::optional<uint64_t> size_bytes() const override { return file_->size_bytes(); }

 private:
  Result<InputText> understand(std::string_view line);

  std::unique_ptr<InputFile> file_;
  std::string name_;
  TextInputOptions options_;
  LineReader lines_;
  uint64_t replaced_ = 0;
};

Result<InputText> LineInput::understand(std::string_view line) {
  Utf8Repair repaired;
  const bool json = options_.form != LineForm::kPlain;
  if (json || options_.strict_utf8) {
    const size_t invalid = find_invalid_utf8(line);
    if (invalid != std::string_view::npos) {
      if (options_.strict_utf8) return refuse_utf8(invalid);
      repaired = repair_utf8(line);
      line = repaired.text;
    }
  }
  if (!json) return InputText{.text = std::string(line)};
  auto record = options_.form == LineForm::kString
                    ? read_json_string(line)
                    : read_json_record(line, options_.field, options_.reserved);
  if (!record.ok()) return record.status();
  if (options_.strict_utf8 && record->replaced > 0) {
    return invalid_argument(
        "expected text, found an escape of half a surrogate pair; mend the text, or leave out "
        "--strict to have it replaced by U+FFFD");
  }
  replaced_ += repaired.replaced + record->replaced;
  return InputText{.text = std::move(record->text), .carried = std::move(record->carried)};
}

Result<std::optional<InputText>> LineInput::next() {
  while (true) {
    ACCEL_ASSIGN(const auto line, lines_.next());
    if (!line) return std::optional<InputText>();
    if (options_.form != LineForm::kPlain && blank(*line)) continue;
    auto text = understand(*line);
    if (!text.ok()) {
      return text.status().with_context(fmt::format("{}: line {}", name_, lines_.line()));
    }
    text->position = lines_.position();
    return std::optional(std::move(*text));
  }
}

class GivenInput : public TextInput {
 public:
  GivenInput(std::vector<std::string> texts, bool strict_utf8)
      : texts_(std::move(texts)), strict_utf8_(strict_utf8) {}

  Result<std::optional<InputText>> next() override {
    if (at_ == texts_.size()) return std::optional<InputText>();
    InputText text{.text = std::move(texts_[at_++])};
    const size_t invalid = strict_utf8_ ? find_invalid_utf8(text.text) : std::string::npos;
    if (invalid != std::string::npos) {
      return refuse_utf8(invalid).with_context(fmt::format("text {}", at_));
    }
    return std::optional(std::move(text));
  }
  uint64_t replaced_utf8() const override { return 0; }
  std::optional<uint64_t> size_bytes() const override { return std::nullopt; }

 private:
  std::vector<std::string> texts_;
  bool strict_utf8_;
  size_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<TextInput>> open_text_input(const std::string& path,
                                                   TextInputOptions options) {
  ACCEL_ASSIGN(auto file, InputFile::open(path));
  return std::unique_ptr<TextInput>(
      std::make_unique<LineInput>(std::move(file), name_of(path), std::move(options)));
}

std::unique_ptr<TextInput> text_input_of(std::vector<std::string> texts,
                                         const TextInputOptions& options) {
  return std::make_unique<GivenInput>(std::move(texts), options.strict_utf8);
}

Result<uint64_t> count_texts(const std::string& path, LineForm form) {
  if (path == "-") return failed_precondition("standard input can be read only once");
  ACCEL_ASSIGN(const auto file, InputFile::open(path));
  if (!file->size_bytes()) return failed_precondition(path + " can be read only once");
  LineReader lines(file->fd(), {.name = path});
  uint64_t count = 0;
  while (true) {
    ACCEL_ASSIGN(const auto line, lines.next());
    if (!line) return count;
    if (form == LineForm::kPlain || !blank(*line)) ++count;
  }
}

}  // namespace accel::cli
