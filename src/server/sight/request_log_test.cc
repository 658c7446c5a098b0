// Lines of the log, and the file they go to: also when the disk is full or slow.
#include "server/sight/request_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "server/sight/log_file.h"
#include "server/sight/record_double.h"
#include "server/sight/trace_context.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::array<Endpoint, 2> kKnown{
    {{.method = "POST", .path = "/load", .scope = Scope::kAdmin},
     {.method = "GET", .path = "/load", .scope = Scope::kInfer}}};

// The line of one record.
std::string logged(const RequestRecord& record, LogFormat format = LogFormat::kJson,
                   double trace_ratio = 0) {
  std::string line;
  const RequestLog log({.format = format,
                        .sink = [&](std::string_view one) { line = one; },
                        .trace_ratio = trace_ratio,
                        .clock =
                            [] {
                              return std::chrono::system_clock::time_point(
                                  std::chrono::milliseconds(1'770'091'506'789));
                            }},
                       kKnown);
  log.observe(record);
  return line;
}

TEST(RequestLog, AnAnsweredRequestAsJson) {
  EXPECT_EQ(logged(embeddings_record()),
            R"({"time":"2026-02-03T04:05:06.789Z","id":"request-1","visitor":"anonymous",)"
            R"("peer":"127.0.0.1:40312","method":"POST","path":"/v1/embeddings",)"
            R"("endpoint":"/v1/embeddings","model":"minilm","status":200,"ms":12,"bytes_in":100,)"
            R"("bytes_out":2000,"queue_ms":3,"infer_ms":3,"items":2,"tokens":8,"device":"CPU",)"
            R"("precision":"bf16"})");
}

TEST(RequestLog, AnInputThatWasFetched) {
  std::string line;
  const RequestLog log({.format = LogFormat::kText,
                        .sink = [&](std::string_view one) { line = one; },
                        .clock = [] { return std::chrono::system_clock::time_point(); }});
  log.observe(InputRecord{.asker = {"request-1", "team"},
                          .url = "https://a.example:443/b",
                          .status = 424,
                          .error = "HTTP 404",
                          .ms = 1.5});
  EXPECT_EQ(line,
            "time=1970-01-01T00:00:00.000Z id=request-1 visitor=team input=https://a.example:443/b "
            "status=424 error=\"HTTP 404\" ms=1.5 bytes_in=0 audit=true");
}

TEST(RequestLog, AnAnsweredRequestAsText) {
  EXPECT_EQ(logged(embeddings_record(), LogFormat::kText),
            "time=2026-02-03T04:05:06.789Z id=request-1 visitor=anonymous peer=127.0.0.1:40312 "
            "method=POST path=/v1/embeddings endpoint=/v1/embeddings model=minilm status=200 ms=12 "
            "bytes_in=100 bytes_out=2000 queue_ms=3 infer_ms=3 items=2 tokens=8 device=CPU "
            "precision=bf16");
}

TEST(RequestLog, ARefusalSaysWhyAndIsForTheAudit) {
  RequestRecord record;
  record.method = "POST";
  record.path = "/v1/embeddings";
  record.status = 401;
  record.refused = "no_key";
  record.error = "expected a key, found none";
  EXPECT_EQ(logged(record), R"({"time":"2026-02-03T04:05:06.789Z","method":"POST",)"
                            R"("path":"/v1/embeddings","status":401,"refused":"no_key",)"
                            R"("error":"expected a key, found none","ms":0,"bytes_in":0,)"
                            R"("bytes_out":0,"audit":true})");
  EXPECT_THAT(logged(record, LogFormat::kText),
              HasSubstr(R"( refused=no_key error="expected a key, found none" ms=0 )"));
  EXPECT_THAT(logged(record, LogFormat::kText), testing::EndsWith(" audit=true"));
}

TEST(RequestLog, WhatOnlyAdministratorsMayAskForIsForTheAudit) {
  RequestRecord record = embeddings_record();
  record.endpoint = "/load";
  EXPECT_THAT(logged(record), HasSubstr(R"("audit":true)"));
  for (const char* method : {"GET", "HEAD"}) {
    record.method = method;
    EXPECT_THAT(logged(record), Not(HasSubstr("audit")));
  }
  record.status = 403;
  EXPECT_THAT(logged(record), HasSubstr(R"("audit":true)"));
}

TEST(RequestLog, WordsOfClientsStayWithinTheirLineAndAreCut) {
  RequestRecord record = embeddings_record();
  record.path = "/a\nstatus=200 \x1b[2J\xc2\x9b\xff";
  record.model = std::string(511, 'm') + "\xc3\xa4" + std::string(1'000'000, 'm');
  record.error = "a=b";
  const std::string text = logged(record, LogFormat::kText);
  EXPECT_THAT(text, HasSubstr(R"( path="/a\nstatus=200 \u001b[2J\u009b\ufffd" )"));
  EXPECT_THAT(text, HasSubstr(R"( error="a=b" )"));
  EXPECT_THAT(text, HasSubstr(" model=" + std::string(511, 'm') + " "));
  const auto json = parse_json(logged(record));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["model"], std::string(511, 'm'));
  EXPECT_EQ((*json)["path"], "/a\nstatus=200 \x1b[2J\xc2\x9b\xef\xbf\xbd");
  EXPECT_EQ(logged(record).find('\n'), std::string::npos);
}

TEST(RequestLog, ALineNamesTheTraceOfItsCallerOrTheOneThatIsKept) {
  RequestRecord record = embeddings_record();
  EXPECT_THAT(logged(record), Not(HasSubstr("trace_id")));
  const std::string own = trace_ids_of(record, 1).trace_id;
  EXPECT_THAT(logged(record, LogFormat::kJson, 1), HasSubstr("\"trace_id\":\"" + own + "\""));
  record.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
  EXPECT_THAT(logged(record), HasSubstr("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""));
}

TEST(RequestLog, AFallbackIsSaidWithItsReason) {
  RequestRecord record = embeddings_record();
  auto report = std::make_shared<RunReport>(*record.report);
  report->fallback = true;
  record.report = report;
  EXPECT_THAT(logged(record), HasSubstr(R"("fallback":"yes")"));
  report->fallback_reason = "the GPU is gone";
  EXPECT_THAT(logged(record), HasSubstr(R"("fallback":"the GPU is gone")"));
}

// --- the file ------------------------------------------------------------------------------------

class LogFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<LogFile> open(const std::string& path, size_t waiting_bytes_max = 1 << 20) {
    auto file = LogFile::create({.path = path,
                                 .waiting_bytes_max = waiting_bytes_max,
                                 .say = [this](std::string_view sentence) {
                                   const std::lock_guard lock(mutex_);
                                   said_.emplace_back(sentence);
                                 }});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(*file);
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string content(const std::string& path) { return *read_file(path, 64 << 20); }

  static bool eventually(const std::function<bool()>& condition) {
    const auto until = Clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (Clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("log_file_test." + std::to_string(::getpid()));
  std::mutex mutex_;
  std::vector<std::string> said_;
};

TEST_F(LogFileTest, LinesAreAppendedWholeAndInOrder) {
  const std::string name = path("log");
  { open(name)->write("one"); }
  {
    const auto file = open(name);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 1000; ++k) file->write(std::to_string(k));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(eventually([&] { return file->counts().written == 4000; }));
    EXPECT_EQ(file->counts().dropped + file->counts().failed, 0u);
  }
  const std::string text = content(name);
  EXPECT_TRUE(text.starts_with("one\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 4001);
  struct stat found {};
  ASSERT_EQ(::stat(name.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 007, 0u);  // not for all
}

TEST_F(LogFileTest, AFileThatWasMovedAwayIsMadeAnew) {
  const std::string name = path("log");
  const auto file = open(name);
  file->write("before");
  ASSERT_TRUE(eventually([&] { return file->counts().written == 1; }));
  std::filesystem::rename(name, path("log.1"));
  file->write("still there");
  ASSERT_TRUE(eventually([&] { return file->counts().written == 2; }));
  ASSERT_TRUE(file->reload().ok());
  file->write("after");
  ASSERT_TRUE(eventually([&] { return file->counts().written == 3; }));
  EXPECT_EQ(content(path("log.1")), "before\nstill there\n");
  EXPECT_EQ(content(name), "after\n");
}

TEST_F(LogFileTest, WhenThePathIsLostTheFileStays) {
  const std::string name = path("folder/log");
  EXPECT_EQ(LogFile::create({.path = name}).status().code(), StatusCode::kNotFound);
  std::filesystem::create_directory(path("folder"));
  const auto file = open(name);
  std::filesystem::rename(path("folder"), path("moved"));
  EXPECT_EQ(file->reload().code(), StatusCode::kNotFound);
  file->write("a line");
  ASSERT_TRUE(eventually([&] { return file->counts().written == 1; }));
  EXPECT_EQ(content(path("moved/log")), "a line\n");
}

TEST_F(LogFileTest, AFullDiskIsCountedAndSaidOnce) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const auto file = open("/dev/full");
  for (uint64_t i = 1; i <= 3; ++i) {
    file->write("a line");
    ASSERT_TRUE(eventually([&] { return file->counts().failed == i; }));
  }
  EXPECT_EQ(file->counts().written, 0u);
  EXPECT_THAT(said(), ElementsAre(HasSubstr("/dev/full: writing the request log: No space left")));
}

TEST_F(LogFileTest, WhatASlowReaderDoesNotTakeIsDroppedInWholeLines) {
  const std::string name = path("pipe");
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  const int reader = ::open(name.c_str(), O_RDONLY | O_NONBLOCK);  // and does not read
  ASSERT_GE(reader, 0);
  auto file = open(name, 4096);
  const std::string line(99, 'x');
  uint64_t handed_in = 0;
  // The pipe holds 64 KiB, then the writer waits.
  ASSERT_TRUE(eventually([&] {
    file->write(line);
    ++handed_in;
    return file->counts().dropped >= 10;
  }));
  EXPECT_THAT(said(), ElementsAre(HasSubstr("too slowly")));
  const uint64_t dropped = file->counts().dropped;
  std::atomic<bool> ended = false;
  std::string got;
  std::thread reading([&] {
    std::array<char, 4096> bytes{};
    while (true) {
      const ssize_t count = ::read(reader, bytes.data(), bytes.size());
      if (count > 0) got.append(bytes.data(), static_cast<size_t>(count));
      else if (count == 0 && ended) break;
      else std::this_thread::yield();
    }
  });
  file.reset();  // writes what waited
  ended = true;
  reading.join();
  ::close(reader);
  EXPECT_EQ(got.size(), (handed_in - dropped) * 100);
  EXPECT_EQ(static_cast<uint64_t>(std::ranges::count(got, '\n')), handed_in - dropped);
}

TEST_F(LogFileTest, AReaderThatHasGoneEndsNothing) {
  const std::string name = path("pipe");
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  const int reader = ::open(name.c_str(), O_RDONLY | O_NONBLOCK);
  const auto file = open(name);
  ::close(reader);
  file->write("a line");
  EXPECT_TRUE(eventually([&] { return file->counts().failed == 1; }));
  EXPECT_THAT(said(), ElementsAre(HasSubstr("Broken pipe")));
}

}  // namespace
}  // namespace accel::server
