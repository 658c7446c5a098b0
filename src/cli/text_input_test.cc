#include "cli/text_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/interrupt.h"
#include "cli/line_reader.h"

namespace accel::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder of this test, removed at its end.
class TextInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "text_input.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(std::string_view content) {
    std::string path = folder_ / "input";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::filesystem::path folder_;
};

struct Read {
  std::vector<std::string> texts;
  std::vector<std::string> carried;
  uint64_t last_position = 0;
  uint64_t replaced = 0;
  Status status;
};

Read read_all(const std::string& path, TextInputOptions options = {}) {
  Read read;
  auto input = open_text_input(path, std::move(options));
  if (!input.ok()) {
    read.status = input.status();
    return read;
  }
  while (true) {
    auto text = (*input)->next();
    if (!text.ok()) {
      read.status = text.status();
      break;
    }
    if (!*text) break;
    read.texts.push_back((*text)->text);
    read.carried.push_back((*text)->carried);
    read.last_position = (*text)->position;
  }
  read.replaced = (*input)->replaced_utf8();
  return read;
}

TEST_F(TextInputTest, LinesAreTexts) {
  const Read read = read_all(file("one\ntwo\r\n\n four \nfive"));
  EXPECT_TRUE(read.status.ok());
  EXPECT_THAT(read.texts, ElementsAre("one", "two", "", " four ", "five"));
  EXPECT_EQ(read.last_position, 21u);
}

TEST_F(TextInputTest, EndsOfTheInput) {
  EXPECT_THAT(read_all(file("")).texts, IsEmpty());
  EXPECT_THAT(read_all(file("\n")).texts, ElementsAre(""));
  EXPECT_THAT(read_all(file("a\n")).texts, ElementsAre("a"));
  EXPECT_THAT(read_all(file("a\n\n")).texts, ElementsAre("a", ""));
  EXPECT_THAT(read_all(file("a\r")).texts, ElementsAre("a"));
  EXPECT_THAT(read_all(file("a\rb")).texts, ElementsAre("a\rb"));
  EXPECT_THAT(read_all(file(std::string("a\0b\n", 4))).texts, ElementsAre(std::string("a\0b", 3)));
  EXPECT_THAT(read_all(file("\xEF\xBB\xBF"
                            "a\n\xEF\xBB\xBF"
                            "b"))
                  .texts,
              ElementsAre("a", "\xEF\xBB\xBF"
                               "b"));
}

TEST_F(TextInputTest, LinesAcrossAnyBufferBorder) {
  std::string content;
  std::vector<std::string> expected;
  for (size_t length : {0, 1, 70'000, 131'070, 131'071, 131'072, 131'073, 3'000'000, 5, 300'000}) {
    expected.emplace_back(length, static_cast<char>('a' + expected.size()));
    content += expected.back() + (expected.size() % 2 == 0 ? "\r\n" : "\n");
  }
  EXPECT_EQ(read_all(file(content)).texts, expected);
}

TEST_F(TextInputTest, ALineBeyondTheLimitIsRefusedByNumber) {
  const std::string path = file("short\n" + std::string(200'000, 'x'));
  const int fd = ::open(path.c_str(), O_RDONLY);
  LineReader lines(fd, {.name = "x", .line_bytes_max = 100'000});
  EXPECT_EQ(**lines.next(), "short");
  const auto second = lines.next();
  EXPECT_EQ(second.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(second.status().message(), HasSubstr("line 2"));
  ::close(fd);
}

TEST_F(TextInputTest, RecordsCarryTheirOtherFields) {
  const std::string path = file("{\"id\":1,\"text\":\"a\"}\n\n {\"text\":\"b\"} \r\n");
  const Read read = read_all(path, {.form = LineForm::kRecord, .field = "text"});
  EXPECT_TRUE(read.status.ok()) << read.status.message();
  EXPECT_THAT(read.texts, ElementsAre("a", "b"));
  EXPECT_THAT(read.carried, ElementsAre("\"id\":1", ""));
  EXPECT_EQ(*count_texts(path, LineForm::kRecord), 2u);
  EXPECT_EQ(*count_texts(path, LineForm::kPlain), 3u);
}

TEST_F(TextInputTest, ABadRecordIsNamedByItsLine) {
  const std::string path = file("{\"text\":\"a\"}\n\n{\"txt\":\"b\"}\n");
  const Read read = read_all(path, {.form = LineForm::kRecord, .field = "text"});
  EXPECT_EQ(read.status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(read.status.message(), HasSubstr(path + ": line 3: expected a field \"text\""));
}

TEST_F(TextInputTest, InvalidUtf8) {
  const std::string path = file("fine\nbro\xFFken\n");
  EXPECT_THAT(read_all(path).texts, ElementsAre("fine", "bro\xFFken"));  // the engine's to mend
  const Read strict = read_all(path, {.strict_utf8 = true});
  EXPECT_EQ(strict.status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(strict.status.message(), HasSubstr("line 2: expected UTF-8"));
  EXPECT_THAT(strict.status.message(), HasSubstr("at byte 3"));
  const Read record = read_all(file("{\"text\":\"bro\xFFken\",\"k\":\"\xC0\"}"),
                               {.form = LineForm::kRecord, .field = "text"});
  EXPECT_THAT(record.texts, ElementsAre("bro\uFFFDken"));
  EXPECT_THAT(record.carried, ElementsAre("\"k\":\"\uFFFD\""));
  EXPECT_EQ(record.replaced, 2u);
  const Read half = read_all(file("\"\\ud800\""), {.form = LineForm::kString, .strict_utf8 = true});
  EXPECT_THAT(half.status.message(), HasSubstr("half a surrogate pair"));
}

TEST_F(TextInputTest, WhatCannotBeRead) {
  EXPECT_EQ(read_all(folder_ / "absent").status.code(), StatusCode::kNotFound);
  EXPECT_EQ(read_all(folder_).status.code(), StatusCode::kInvalidArgument);
}

TEST_F(TextInputTest, AStopEndsTheWaitForAPipe) {
  const auto interrupt = Interrupt::create();
  ASSERT_TRUE(interrupt.ok());
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int writer = ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // keeps it open, writes nothing
  auto input = open_text_input(path, {.stop_fd = (*interrupt)->stop_fd()});
  ASSERT_TRUE(input.ok());
  EXPECT_FALSE((*input)->size_bytes().has_value());
  EXPECT_FALSE(count_texts(path, LineForm::kPlain).ok());
  std::thread stopper([&] { (*interrupt)->stop(); });
  EXPECT_EQ((*input)->next().status().code(), StatusCode::kCancelled);
  stopper.join();
  EXPECT_FALSE((*interrupt)->signalled());
  ::close(writer);
}

TEST(GivenTexts, ComeInOrder) {
  auto input = text_input_of({"a", "[b,c]", "bad \xFF"}, {.strict_utf8 = true});
  EXPECT_EQ((*input->next())->text, "a");
  EXPECT_EQ((*input->next())->text, "[b,c]");
  EXPECT_THAT(input->next().status().message(), HasSubstr("text 3: expected UTF-8"));
}

}  // namespace
}  // namespace accel::cli
