#include "server/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace accel::server {
namespace {

using testing::HasSubstr;

// Lines that end as those of a form do.
std::string form_of(std::initializer_list<std::string_view> lines) {
  std::string text;
  for (const std::string_view line : lines) text += fmt::format("{}\r\n", line);
  return text;
}

std::vector<FormPart> read_form(const std::string& body) {
  auto parts = parse_form(body, "B");
  EXPECT_TRUE(parts.ok()) << parts.status().to_string();
  return parts.ok() ? std::move(*parts) : std::vector<FormPart>();
}

std::string form_refusal(const std::string& body) {
  const auto parts = parse_form(body, "B");
  EXPECT_FALSE(parts.ok()) << body;
  return parts.status().message();
}

std::string named_part(std::string_view disposition) {
  return fmt::format("--B\r\nContent-Disposition: {}\r\n\r\nx\r\n--B--\r\n", disposition);
}

TEST(Multipart, PartsKeepTheirOrderAndTheirBytes) {
  const std::string bytes("\0\r\n\n\r--B\r\n--Bx\r\n--B-\r\n--B--x\xff", 29);
  const std::string body =
      form_of({"--B", "Content-Disposition: form-data; name=\"model\"", "", "wav2vec2", "--B",
               "content-disposition: FORM-DATA; filename=\"a b.wav\"; name=file",
               "Content-Type: audio/wav; rate=16000", ""}) +
      bytes + "\r\n--B--\r\n";
  const auto parts = read_form(body);
  ASSERT_EQ(parts.size(), 2);
  EXPECT_EQ(parts[0].name, "model");
  EXPECT_EQ(parts[0].filename, std::nullopt);
  EXPECT_EQ(parts[0].content_type, "");
  EXPECT_EQ(parts[0].content, "wav2vec2");
  EXPECT_EQ(parts[1].name, "file");
  EXPECT_EQ(parts[1].filename, "a b.wav");
  EXPECT_EQ(parts[1].content_type, "audio/wav; rate=16000");
  EXPECT_EQ(parts[1].content, bytes);
  EXPECT_GE(parts[1].content.data(), body.data());  // not a copy
  EXPECT_LT(parts[1].content.data(), body.data() + body.size());
}

TEST(Multipart, NothingMayStandInAPartOrAroundThem) {
  EXPECT_TRUE(read_form("--B--").empty());
  EXPECT_TRUE(read_form("before\r\n--B-- \t\r\nbehind --B").empty());
  const auto parts =
      read_form(form_of({"before", "--B \t", "Content-Disposition: form-data; name=a", "", "",
                         "--B", "Content-Disposition: form-data; name=a", "", "--B--", "behind"}));
  ASSERT_EQ(parts.size(), 2);
  EXPECT_EQ(parts[0].content, "");
  EXPECT_EQ(parts[1].content, "");  // its line end is that of the boundary
  EXPECT_EQ(parts[1].name, "a");
}

TEST(Multipart, NamesAreQuotedAsClientsDo) {
  const auto name = [](std::string_view disposition) {
    const std::string body = named_part(disposition);
    const auto parts = read_form(body);
    return parts.empty() ? "" : parts[0].name + "|" + parts[0].filename.value_or("none");
  };
  EXPECT_EQ(name(R"(form-data; name="a\"b\\c\d"; filename="C:\dir\a.wav")"),
            R"(a"b\c\d|C:\dir\a.wav)");
  EXPECT_EQ(name(R"(form-data;name = a ; filename="";)"), "a|");
  EXPECT_EQ(name(R"(form-data; name="a;b=%22"; filename*=UTF-8''c)"), "a;b=%22|none");
  EXPECT_EQ(name("form-data; ;name=\"\xc3\xa4\""), "\xc3\xa4|none");
  EXPECT_EQ(name("form-data; name="), "|none");
}

TEST(Multipart, WhatIsBrokenIsNamedWithItsPart) {
  EXPECT_THAT(form_refusal(""), HasSubstr("\"--B\", found the end of the body after 0 parts"));
  EXPECT_THAT(form_refusal("x--B--"), HasSubstr("found the end"));
  EXPECT_THAT(form_refusal("--Bx--\n--B--"), HasSubstr("found the end"));
  const std::string part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  EXPECT_THAT(form_refusal(part), HasSubstr("\"--B--\", found the end of the body after 0 parts"));
  EXPECT_THAT(form_refusal(part + "--B-"), HasSubstr("after 0 parts"));
  EXPECT_THAT(form_refusal(part + "--B\r\n"), HasSubstr("after 1 parts"));
  EXPECT_THAT(form_refusal(part + "--B\r\n\r\nx\r\n--B--"), HasSubstr("part 2: expected a header"));
  EXPECT_THAT(form_refusal("--B\r\nA: b\r\n\r\nx\r\n--B--"),
              HasSubstr("part 1: expected a Content-Disposition"));
  EXPECT_THAT(form_refusal("--B\r\nA\r\n\r\nx\r\n--B--"), HasSubstr("expected a header"));
  EXPECT_THAT(form_refusal("--B\r\n: b\r\n\r\nx\r\n--B--"), HasSubstr("expected a header"));
  EXPECT_THAT(form_refusal("--B\r\nA: b\r\n c\r\n\r\nx\r\n--B--"), HasSubstr("expected a header"));
  EXPECT_THAT(form_refusal("--B\r\nA: b\nc: d\r\n\r\nx\r\n--B--"), HasSubstr("control character"));
  EXPECT_THAT(form_refusal(named_part("attachment; name=a")), HasSubstr("found 'attachment'"));
  EXPECT_THAT(form_refusal(named_part("form-data; filename=a")), HasSubstr("expected a name"));
  EXPECT_THAT(form_refusal(named_part("form-data; name=a; NAME=b")), HasSubstr("one name"));
  EXPECT_THAT(form_refusal(named_part("form-data; name=a; filename=b; filename=c")),
              HasSubstr("one filename"));
  EXPECT_THAT(form_refusal(named_part("form-data; name=\"a")), HasSubstr("name: expected a quote"));
  EXPECT_THAT(form_refusal(named_part("form-data; name=\"a\"b")), HasSubstr("expected \";\""));
  EXPECT_THAT(form_refusal(named_part("form-data; name; a=b")), HasSubstr("no \"=\""));
  EXPECT_THAT(form_refusal(named_part("form-data; name=a\r\nContent-Disposition: form-data")),
              HasSubstr("one Content-Disposition"));
  EXPECT_THAT(form_refusal(named_part("form-data; name=a\r\nContent-Transfer-Encoding: base64")),
              HasSubstr("Content-Transfer-Encoding: expected 7bit, 8bit or binary"));
  EXPECT_EQ(read_form(named_part("form-data; name=a\r\nContent-Transfer-Encoding: Binary")).size(),
            1);
}

TEST(Multipart, SizesAreBounded) {
  const std::string part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  std::string body;
  for (size_t i = 0; i < kFormPartsMax; ++i) body += part;
  EXPECT_EQ(read_form(body + "--B--").size(), kFormPartsMax);
  EXPECT_THAT(form_refusal(body + part + "--B--"), HasSubstr("at most 64 parts"));

  const std::string head = "form-data; name=a\r\nA: ";
  const std::string padding(kFormHeadBytesMax - head.size() - 21, 'x');
  const std::string longest = named_part(head + padding);
  EXPECT_EQ(read_form(longest).size(), 1);
  EXPECT_THAT(form_refusal(named_part(head + padding + "x")), HasSubstr("at most 8192 bytes"));
}

TEST(Multipart, TheBoundaryStandsInTheContentType) {
  const auto boundary = [](std::string_view type) {
    const auto found = form_boundary(type);
    return found.ok() ? *found : found.status().message();
  };
  EXPECT_EQ(boundary("multipart/form-data; boundary=----WebKitFormBoundaryAbC"),
            "----WebKitFormBoundaryAbC");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=utf-8 ;BOUNDARY=\"a b'()+_,-./:=?\""),
            "a b'()+_,-./:=?");
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(70, 'b')),
            std::string(70, 'b'));
  EXPECT_THAT(boundary(""), HasSubstr("expected multipart/form-data, found ''"));
  EXPECT_THAT(boundary("application/json"), HasSubstr("found 'application/json'"));
  EXPECT_THAT(boundary("multipart/mixed; boundary=a"), HasSubstr("multipart/form-data"));
  for (const std::string_view broken : {"", "; boundary=", "; boundary=\"a \"", "; boundary=a*"}) {
    EXPECT_THAT(boundary(fmt::format("multipart/form-data{}", broken)),
                HasSubstr("expected a boundary of 1 to 70"));
  }
  EXPECT_THAT(boundary("multipart/form-data; boundary=" + std::string(71, 'b')),
              HasSubstr("found another"));
  EXPECT_THAT(boundary("multipart/form-data; boundary=a; boundary=b"), HasSubstr("one boundary"));
  EXPECT_THAT(boundary("multipart/form-data; boundary=\"a"),
              HasSubstr("boundary: expected a quote"));
}

}  // namespace
}  // namespace accel::server
