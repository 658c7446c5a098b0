// OpenAI's transcriptions: what is asked of the service, and how its answers are written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/json.h"
#include "server/gate.h"
#include "server/openai/subtitles.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class TranscriptionsTest : public testing::Test {
 protected:
  using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

  static std::string form_with(const Fields& fields) {
    std::string body;
    for (const auto& [name, value] : fields) {
      body += fmt::format("--x y\r\nContent-Disposition: form-data; name=\"{}\"{}\r\n\r\n{}\r\n",
                          name, name == "file" ? "; filename=\"a.wav\"" : "", value);
    }
    return body + "--x y--\r\n";
  }
  http::Response post_form(std::string body,
                           std::string type = "multipart/form-data; boundary=\"x y\"") {
    return ask(server_, {.method = "POST",
                         .target = "/v1/audio/transcriptions",
                         .body = std::move(body),
                         .headers = {{"content-type", std::move(type)}}});
  }
  // With a file and a model.
  http::Response post(const Fields& more = {}) {
    Fields fields{{"file", kFile}, {"model", "wav2vec2"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return post_form(form_with(fields));
  }
  std::string refusal(const http::Response& response) {
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_TRUE(service_.requests.empty());
    return (*parse_json(response.body))["error"]["message"];
  }
  const service::RunItems& asked() const {
    return std::get<service::RunItems>(service_.requests.back());
  }

  static constexpr std::string_view kFile{"RIFF\0\r\n--x\r\n\xff", 13};
  Transcript transcript_{.text = "hello <world>",
                         .chunks = {{{"hello", 0.1, 0.5004}, {"<world>", 0.6, 3661.5}}}};
  Status failure_;
  ServiceDouble service_{[this](const service::Request&) {
    service::ItemAnswer answer{0, ItemResult{.result = {.answer = transcript_}}};
    if (!failure_.ok()) answer.result = failure_;
    std::vector<Result<service::Event>> events;
    events.emplace_back(std::move(answer));
    return events;
  }};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{}, {.service = service_, .gate = *gate_}};
};

TEST_F(TranscriptionsTest, ARecordingMayBeNamedByItsUrl) {
  for (const std::string_view name : {"url", "file_url"}) {
    const auto response =
        post_form(form_with({{name, "https://a.example/b.wav"}, {"model", "wav2vec2"}}));
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(*asked().items[0].media, "https://a.example/b.wav");
    service_.requests.clear();
  }
  EXPECT_THAT(refusal(post_form(form_with({{"url", "b.wav"}, {"model", "m"}}))),
              HasSubstr("url: expected a URL"));
  EXPECT_THAT(refusal(post_form(form_with({{"file", "https://a/b.wav"}, {"model", "m"}}))),
              HasSubstr("a URL is sent as `url`"));
  EXPECT_THAT(refusal(post({{"url", "https://a.example/b.wav"}})), HasSubstr("found two"));
}

TEST_F(TranscriptionsTest, UrlsGoThroughTheResolver) {
  const auto inputs = InputResolver::create({}).value();
  Server server({}, {.service = service_, .gate = *gate_, .inputs = inputs.get()});
  const auto ask_with = [&](std::string_view url) {
    return ask(server, {.method = "POST",
                        .target = "/v1/audio/transcriptions",
                        .body = form_with({{"url", url}, {"model", "wav2vec2"}}),
                        .headers = {{"content-type", "multipart/form-data; boundary=\"x y\""}}});
  };
  EXPECT_EQ(ask_with("data:audio/wav;base64,UklGRg==").status, 200);
  EXPECT_EQ(*asked().items[0].media, "RIFF");
  const auto refused = ask_with("https://a.example/b.wav");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("permission_denied"));
  EXPECT_THAT(service_.requests, SizeIs(1));
}

TEST_F(TranscriptionsTest, ARecordingBecomesAText) {
  const auto response = post({{"prompt", "names"}, {"temperature", "0.2"}, {"stream", "true"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body, R"({"text":"hello <world>"})");
  EXPECT_EQ(asked().model, "wav2vec2");
  EXPECT_EQ(asked().how.task, "automatic-speech-recognition");
  EXPECT_EQ(asked().how.options.timestamps, std::nullopt);
  ASSERT_THAT(asked().items, SizeIs(1));
  EXPECT_EQ(asked().items[0].media, kFile);
  EXPECT_EQ(asked().items[0].text, "");
}

TEST_F(TranscriptionsTest, ThePlaceOfTheFileMakesNoDifference) {
  EXPECT_EQ(post_form(form_with({{"model", "m"}, {"language", "en"}, {"file", kFile}})).status,
            200);
  EXPECT_EQ(asked().items[0].media, kFile);
  EXPECT_EQ(asked().model, "m");
}

TEST_F(TranscriptionsTest, TheTextComesInSeveralForms) {
  const auto text = post({{"response_format", "text"}});
  EXPECT_EQ(text.body, "hello <world>\n");
  EXPECT_EQ(http::find(text.headers, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(asked().how.options.timestamps, std::nullopt);

  const auto subrip = post({{"response_format", "srt"}});
  EXPECT_EQ(asked().how.options.timestamps, "word");
  EXPECT_EQ(http::find(subrip.headers, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(subrip.body, "1\n00:00:00,100 --> 00:00:00,500\nhello\n\n"
                         "2\n00:00:00,600 --> 01:01:01,500\n<world>\n\n");

  const auto web_vtt = post({{"response_format", "vtt"}});
  EXPECT_EQ(http::find(web_vtt.headers, "content-type"), "text/vtt; charset=utf-8");
  EXPECT_EQ(web_vtt.body, "WEBVTT\n\n00:00:00.100 --> 00:00:00.500\nhello\n\n"
                          "00:00:00.600 --> 01:01:01.500\n&lt;world&gt;\n\n");
}

TEST_F(TranscriptionsTest, VerboseJsonHasWordsOrSegments) {
  transcript_.chunks->back().end = 1.25;
  const std::string segments =
      R"("segments":[{"id":0,"start":0.1,"end":1.25,"text":"hello <world>"}])";
  const std::string words = R"("words":[{"word":"hello","start":0.1,"end":0.5},)"
                            R"({"word":"<world>","start":0.6,"end":1.25}])";
  const Fields verbose{{"response_format", "verbose_json"}, {"language", "en"}};
  const auto body = [&](std::initializer_list<std::string_view> granularities) {
    Fields fields = verbose;
    for (const std::string_view one : granularities) {
      fields.emplace_back("timestamp_granularities[]", one);
    }
    return post(fields).body;
  };
  const std::string head = R"({"task":"transcribe","language":"en","text":"hello <world>",)";
  EXPECT_EQ(body({}), head + segments + "}");
  EXPECT_EQ(asked().how.options.timestamps, "word");
  EXPECT_EQ(body({"segment"}), head + segments + "}");
  EXPECT_EQ(body({"word"}), head + words + "}");
  EXPECT_EQ(body({"word", "segment"}), head + words + "," + segments + "}");
}

TEST_F(TranscriptionsTest, SilenceHasNoWords) {
  transcript_ = {.text = "", .chunks = std::vector<TranscriptChunk>()};
  EXPECT_EQ(post({{"response_format", "srt"}}).body, "");
  EXPECT_EQ(post({{"response_format", "vtt"}}).body, "WEBVTT\n\n");
  EXPECT_THAT(post({{"response_format", "verbose_json"}}).body, HasSubstr("\"segments\":[]"));
}

TEST_F(TranscriptionsTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal(post_form("{}", "application/json")), HasSubstr("multipart/form-data"));
  EXPECT_THAT(refusal(post_form("{}", "")), HasSubstr("multipart/form-data"));
  EXPECT_THAT(refusal(post_form("x")), HasSubstr("form: expected the boundary"));
  EXPECT_THAT(refusal(post_form(form_with({{"file", kFile}}))), HasSubstr("model: expected"));
  EXPECT_THAT(refusal(post_form(form_with({{"file", kFile}, {"model", ""}}))),
              HasSubstr("model: expected"));
  EXPECT_THAT(refusal(post_form(form_with({{"model", "m"}}))), HasSubstr("file: expected"));
  EXPECT_THAT(refusal(post_form(form_with({{"file", ""}, {"model", "m"}}))),
              HasSubstr("file: expected"));
  EXPECT_THAT(refusal(post({{"file", "again"}})), HasSubstr("found two"));
  EXPECT_THAT(refusal(post({{"response_format", "diarized_json"}})),
              HasSubstr("response_format: expected json, text, srt, verbose_json or vtt"));
  EXPECT_THAT(refusal(post({{"timestamp_granularities[]", "char"}})), HasSubstr("found 'char'"));
  for (const std::string_view value : {"", "hot", "0x1", "-1", "1.5", "nan", "inf", "0 "}) {
    EXPECT_THAT(refusal(post({{"temperature", value}})), HasSubstr("temperature: expected"));
  }
  const std::string shown = refusal(post({{"response_format", std::string(5000, 'x')}}));
  EXPECT_LT(shown.size(), 200);
}

TEST_F(TranscriptionsTest, FailuresOfTheModelAreTold) {
  failure_ = invalid_argument("expected a sound, found another file");
  EXPECT_EQ((*parse_json(post().body))["error"]["message"], "expected a sound, found another file");
  failure_ = {};
  transcript_.chunks.reset();
  EXPECT_EQ(post({{"response_format", "srt"}}).status, 500);
  EXPECT_EQ(post().status, 200);
}

TEST(Subtitles, CuesEndWhereReadersPause) {
  const auto texts = [](std::vector<TranscriptChunk> words) {
    std::string all;
    for (const Cue& cue : cues_of(words)) all += fmt::format("[{}]", cue.text);
    return all;
  };
  EXPECT_EQ(texts({}), "");
  EXPECT_EQ(texts({{"a", 0, 1}, {"b", 1.9, 2}}), "[a b]");
  EXPECT_EQ(texts({{"a", 0, 1}, {"b", 2, 2.5}}), "[a][b]");  // a pause
  EXPECT_EQ(texts({{"a.", 0, 1}, {"b?", 1, 2}, {"c!", 2, 3}, {"d", 3, 4}}), "[a.][b?][c!][d]");
  EXPECT_EQ(texts({{"a", 0, 3}, {"b", 3, 7}, {"c", 7, 7.5}}), "[a b][c]");  // 7 seconds
  EXPECT_EQ(texts({{"a", 0, 9}, {"b", 9, 10}}), "[a][b]");
  const std::string half(40, 'x');
  EXPECT_EQ(texts({{half, 0, 1}, {half.substr(1), 1, 2}, {"c", 2, 3}}),
            fmt::format("[{} {}][c]", half, half.substr(1)));  // 80 bytes
  EXPECT_EQ(texts({{half, 0, 1}, {half, 1, 2}}), fmt::format("[{}][{}]", half, half));
}

TEST(Subtitles, ATextEndsNoCue) {
  const std::vector<Cue> cues{{"a\n\nb & <i> -->\r", -1, 0.0004}};
  EXPECT_EQ(web_vtt_of(cues),
            "WEBVTT\n\n00:00:00.000 --> 00:00:00.000\na  b &amp; &lt;i&gt; --&gt; \n\n");
  EXPECT_EQ(subrip_of(cues), "1\n00:00:00,000 --> 00:00:00,000\na  b & <i> --> \n\n");
}

}  // namespace
}  // namespace accel::server
