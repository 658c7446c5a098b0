#include "cli/embedding_output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <utility>

#include "base/files.h"
#include "base/float_text.h"
#include "base/try.h"
#include "cli/console.h"
#include "cli/output_file.h"
#include "tensors/npy.h"

namespace accel::cli {
namespace {

// In the order of EmbeddingFormat.
constexpr std::array<std::string_view, 4> kFormatNames{"jsonl", "json", "npy", "csv"};
constexpr std::array<std::string_view, 4> kRecordFields{"index", "embedding", "tokens",
                                                        "truncated"};

// Written straight into `out`: this is where the time goes.
void append_numbers(std::string& out, std::span<const float> numbers, std::string_view not_finite) {
  const size_t begin = out.size();
  out.resize(begin + numbers.size() * kFloatTextBytesMax);
  char* at = out.data() + begin;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) *at++ = ',';
    at = std::isfinite(numbers[i]) ? put_float(at, numbers[i])
                                   : std::copy(not_finite.begin(), not_finite.end(), at);
  }
  out.resize(at - out.data());
}

class JsonlWriter : public EmbeddingWriter {
 public:
  explicit JsonlWriter(std::unique_ptr<OutputFile> output) : output_(std::move(output)) {}

  Status write(const EmbeddingRecord& record) override {
    append_json(output_->buffer(), record);
    output_->buffer() += '\n';
    return output_->written();
  }
  Status flush() override { return output_->flush(); }
  Status finish() override { return output_->commit(); }

 private:
  std::unique_ptr<OutputFile> output_;
};

class JsonWriter : public EmbeddingWriter {
 public:
  explicit JsonWriter(std::unique_ptr<OutputFile> output) : output_(std::move(output)) {}

  Status write(const EmbeddingRecord& record) override {
    output_->buffer() += std::exchange(begun_, true) ? ",\n" : "[\n";
    append_json(output_->buffer(), record);
    return output_->written();
  }
  Status flush() override { return output_->flush(); }
  Status finish() override {
    output_->buffer() += begun_ ? "\n]\n" : "[]\n";
    return output_->commit();
  }

 private:
  std::unique_ptr<OutputFile> output_;
  bool begun_ = false;
};

class CsvWriter : public EmbeddingWriter {
 public:
  CsvWriter(std::unique_ptr<OutputFile> output, int64_t size) : output_(std::move(output)) {
    append_csv_header(output_->buffer(), size);
  }

  Status write(const EmbeddingRecord& record) override {
    append_csv(output_->buffer(), record);
    return output_->written();
  }
  Status flush() override { return output_->flush(); }
  Status finish() override { return output_->commit(); }

 private:
  std::unique_ptr<OutputFile> output_;
};

std::string_view bytes_of(std::span<const float> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

class NpyFileWriter : public EmbeddingWriter {
 public:
  explicit NpyFileWriter(tensors::NpyRowWriter rows) : rows_(std::move(rows)) {}

  Status write(const EmbeddingRecord& record) override {
    buffer_ += bytes_of(record.embedding);
    return buffer_.size() < kPieceBytes ? Status() : write_buffer();
  }
  Status flush() override { return {}; }
  Status finish() override {
    ACCEL_TRY(write_buffer());
    return rows_.finish();
  }

 private:
  static constexpr size_t kPieceBytes = 256 << 10;
  Status write_buffer() {
    ACCEL_TRY(rows_.write(std::as_bytes(std::span(buffer_))));
    buffer_.clear();
    return {};
  }

  tensors::NpyRowWriter rows_;
  std::string buffer_;
};

// Standard output: with a header that is right from the start, or put right at the end if it goes
// to a file.
class NpyStreamWriter : public EmbeddingWriter {
 public:
  NpyStreamWriter(int64_t size, std::optional<uint64_t> count) : size_(size), count_(count) {}

  Status begin() {
    header_at_ = ::lseek(STDOUT_FILENO, 0, SEEK_CUR);
    return print(header(count_.value_or(0)));
  }
  Status write(const EmbeddingRecord& record) override {
    ++rows_;
    return print(bytes_of(record.embedding));
  }
  Status flush() override { return {}; }
  Status finish() override {
    if (rows_ == count_.value_or(0)) return {};
    if (count_) {
      return failed_precondition("writing standard output: the header promised " +
                                 std::to_string(*count_) + " rows, and there were " +
                                 std::to_string(rows_));
    }
    const std::string right = header(rows_);
    if (::pwrite(STDOUT_FILENO, right.data(), right.size(), header_at_) !=
        static_cast<ssize_t>(right.size())) {
      return errno_status(errno, "writing", "standard output");
    }
    return {};
  }

 private:
  std::string header(uint64_t rows) const {
    return tensors::npy_header(DType::kF32, {static_cast<int64_t>(rows), size_});
  }

  int64_t size_;
  std::optional<uint64_t> count_;
  uint64_t rows_ = 0;
  off_t header_at_ = 0;
};

Result<std::unique_ptr<EmbeddingWriter>> open_npy_writer(const EmbeddingOutputOptions& options) {
  if (needs_count(options) && !options.count) {
    return failed_precondition(
        "npy states the number of rows at its start, and this output cannot be changed later; "
        "write to a file with --output, or read from a file with --input");
  }
  if (options.path == "-") {
    // A file's header is put right at the end, however many rows there turn out to be.
    const auto count = rewritable("-") ? std::nullopt : options.count;
    auto writer = std::make_unique<NpyStreamWriter>(options.size, count);
    ACCEL_TRY(writer->begin());
    return std::unique_ptr<EmbeddingWriter>(std::move(writer));
  }
  ACCEL_ASSIGN(auto rows, tensors::NpyRowWriter::create(
                              options.path,
                              {.dtype = DType::kF32,
                               .row = {options.size},
                               .rows = rewritable(options.path) ? std::nullopt : options.count}));
  return std::unique_ptr<EmbeddingWriter>(std::make_unique<NpyFileWriter>(std::move(rows)));
}

}  // namespace

std::span<const std::string_view> record_fields() { return kRecordFields; }

std::span<const std::string_view> embedding_format_names() { return kFormatNames; }

EmbeddingFormat embedding_format(std::string_view name) {
  const auto found = std::ranges::find(kFormatNames, name);
  return static_cast<EmbeddingFormat>(found - kFormatNames.begin());
}

bool carries_fields(EmbeddingFormat format) {
  return format == EmbeddingFormat::kJsonl || format == EmbeddingFormat::kJson;
}

bool needs_count(const EmbeddingOutputOptions& options) {
  return options.format == EmbeddingFormat::kNpy && !rewritable(options.path);
}

void append_json(std::string& out, const EmbeddingRecord& record) {
  out += "{\"index\":";
  out += std::to_string(record.index);
  out += ",\"embedding\":[";
  append_numbers(out, record.embedding, "null");
  out += "],\"tokens\":";
  out += std::to_string(record.tokens);
  out += record.truncated ? ",\"truncated\":true" : ",\"truncated\":false";
  if (!record.device.empty()) {
    out += ",\"device\":\"";
    out += record.device;  // of letters, digits and "/#."
    out += '"';
  }
  if (!record.carried.empty()) {
    out += ',';
    out += record.carried;
  }
  out += '}';
}

void append_csv_header(std::string& out, int64_t size) {
  out += "index,tokens,truncated";
  for (int64_t i = 0; i < size; ++i) {
    out += ",embedding_";
    out += std::to_string(i);
  }
  out += '\n';
}

void append_csv(std::string& out, const EmbeddingRecord& record) {
  out += std::to_string(record.index);
  out += ',';
  out += std::to_string(record.tokens);
  out += record.truncated ? ",true" : ",false";
  if (!record.embedding.empty()) out += ',';
  append_numbers(out, record.embedding, "");
  out += '\n';
}

Result<std::unique_ptr<EmbeddingWriter>> open_embedding_writer(
    const EmbeddingOutputOptions& options) {
  if (options.format == EmbeddingFormat::kNpy) return open_npy_writer(options);
  ACCEL_ASSIGN(auto output, OutputFile::create(options.path));
  switch (options.format) {
    case EmbeddingFormat::kJson:
      return std::unique_ptr<EmbeddingWriter>(std::make_unique<JsonWriter>(std::move(output)));
    case EmbeddingFormat::kCsv:
      return std::unique_ptr<EmbeddingWriter>(
          std::make_unique<CsvWriter>(std::move(output), options.size));
    default:
      return std::unique_ptr<EmbeddingWriter>(std::make_unique<JsonlWriter>(std::move(output)));
  }
}

}  // namespace accel::cli
