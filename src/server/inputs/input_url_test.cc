// URLs, addresses and rules of hosts: what is read, and what nobody may read in another way.
#include "server/inputs/input_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/inputs/host_rules.h"
#include "server/inputs/ip_address.h"

namespace accel::server {
namespace {

using testing::HasSubstr;

std::string text_of(std::string_view url) {
  const auto parsed = parse_http_url(url);
  return parsed.ok() ? parsed->text() : parsed.status().message();
}

TEST(InputUrl, SchemesAreSeenAtTheBeginning) {
  EXPECT_EQ(scheme_of("https://a/b"), InputScheme::kHttp);
  EXPECT_EQ(scheme_of("HTTP://a"), InputScheme::kHttp);
  EXPECT_EQ(scheme_of("data:,x"), InputScheme::kData);
  EXPECT_EQ(scheme_of("file:///x"), InputScheme::kFile);
  EXPECT_EQ(scheme_of("\x89PNG\r\n"), InputScheme::kNone);
  EXPECT_EQ(scheme_of("RIFFhttp://"), InputScheme::kNone);
  EXPECT_EQ(scheme_of("http:/a"), InputScheme::kNone);
  EXPECT_EQ(scheme_of(""), InputScheme::kNone);
}

TEST(InputUrl, IsWrittenInOneForm) {
  EXPECT_EQ(text_of("HTTPS://Images.Example.org"), "https://images.example.org:443/");
  EXPECT_EQ(text_of("http://a.b:8080/c/../d?e=f#g"), "http://a.b:8080/c/../d?e=f");
  EXPECT_EQ(text_of("http://a?q"), "http://a:80/?q");
  EXPECT_EQ(text_of("http://127.0.0.1:9/x"), "http://127.0.0.1:9/x");
  EXPECT_EQ(text_of("http://[2001:DB8::0:1]:81/x"), "http://[2001:db8::1]:81/x");
  EXPECT_EQ(parse_http_url("https://h/a?token=x")->shown(), "https://h:443/a");
}

TEST(InputUrl, WhatOthersMayReadInAnotherWayIsRefused) {
  for (const std::string_view url : {"http://",
                                     "http:///x",
                                     "http://:80/",
                                     "http://a:0/",
                                     "http://a:65536/",
                                     "http://a:/",
                                     "http://a b/",
                                     "http://a/\xc3\xa9",
                                     "http://a\\b/",
                                     "http://user@a/",
                                     "http://a:b@c/",
                                     "http://127.1/",
                                     "http://0x7f000001/",
                                     "http://2130706433/",
                                     "http://0177.0.0.1/",
                                     "http://1.2.3.0x4/",
                                     "http://1.2.3.4.5/",
                                     "http://a./",
                                     "http://.a/",
                                     "http://-a/",
                                     "http://a..b/",
                                     "http://[::1/",
                                     "http://::1/",
                                     "http://[127.0.0.1]/",
                                     "http://[::1%25lo]/",
                                     "http://[::ffff:127.0.0.1]/",
                                     "http://a%2eb/",
                                     "http://a/\r\nx",
                                     "ftp://a/",
                                     "http://a;b/"}) {
    const auto parsed = parse_http_url(url);
    EXPECT_FALSE(parsed.ok()) << url << " became " << parsed->text();
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << url;
  }
  EXPECT_FALSE(parse_http_url("http://a/" + std::string(kInputUrlBytesMax, 'x')).ok());
}

TEST(InputUrl, DataUrlsAreTheirBytes) {
  EXPECT_EQ(*bytes_of_data_url("data:image/png;base64,AP8Q"), std::string("\0\xff\x10", 3));
  EXPECT_EQ(*bytes_of_data_url("DATA:;BASE64,YQ=="), "a");
  EXPECT_EQ(*bytes_of_data_url("data:;base64,YQ%3D%3D"), "a");
  EXPECT_EQ(*bytes_of_data_url("data:;base64,YQ"), "a");
  EXPECT_EQ(*bytes_of_data_url("data:,a%20b"), "a b");
  EXPECT_EQ(*bytes_of_data_url("data:,"), "");
  for (const std::string_view url :
       {"data:", "data:;base64", "data:;base64,A", "data:;base64,A===", "data:;base64,YQ==YQ==",
        "data:;base64,Y Q=", "data:,%1", "data:,%zz", "data:,%"}) {
    EXPECT_FALSE(bytes_of_data_url(url).ok()) << url;
  }
}

TEST(InputUrl, FileUrlsArePaths) {
  EXPECT_EQ(*path_of_file_url("file:///a/b%20c"), "/a/b c");
  EXPECT_EQ(*path_of_file_url("file:/a"), "/a");
  EXPECT_EQ(*path_of_file_url("FILE://LocalHost/a"), "/a");
  EXPECT_EQ(*path_of_file_url("file:///a/%2e%2e/b"), "/a/../b");
  for (const std::string_view url : {"file:", "file:a", "file://", "file://host/a", "file:///a%00b",
                                     "file:///a?b", "file:///a#b", "file:///a%"}) {
    EXPECT_FALSE(path_of_file_url(url).ok()) << url;
  }
}

TEST(IpAddress, PublicOnesAreThoseOfTheInternet) {
  for (const char* text :
       {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.0.1", "223.255.255.255",
        "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"}) {
    EXPECT_EQ(not_public(*parse_ip_address(text)), "") << text;
  }
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::2",
                           "::127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b:1::1",
                           "100::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "4000::1"}) {
    EXPECT_NE(not_public(*parse_ip_address(text)), "") << text;
  }
}

TEST(IpAddress, NetworksHoldThoseThatBeginAlike) {
  const auto holds = [](const char* network, const char* address) {
    return parse_ip_network(network)->contains(*parse_ip_address(address));
  };
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(holds("10.128.0.0/9", "10.128.0.1"));
  EXPECT_FALSE(holds("10.128.0.0/9", "10.127.0.1"));
  EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(holds("fd00::/8", "fd12::1"));
  EXPECT_FALSE(holds("fd00::/8", "10.0.0.1"));
  EXPECT_TRUE(holds("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(holds("0.0.0.0/0", "2606::1"));
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8",
                           "fd00::/129", "[fd00::]/8", "a/8"}) {
    EXPECT_FALSE(parse_ip_network(text)) << text;
  }
}

std::string_view refusal_of(std::string_view rules, std::string_view url,
                            std::string_view address) {
  const auto parsed = HostRules::parse(rules);
  if (!parsed->have(*parse_http_url(url))) return "not listed";
  return parsed->refusal(*parse_http_url(url), *parse_ip_address(address));
}

TEST(HostRules, SayWhichHostsAndPorts) {
  const char* const rules = "example.org, *.Example.net,images.internal:8080 ,[2001:4860::1]:81";
  const auto listed = [&](std::string_view url) {
    return HostRules::parse(rules)->have(*parse_http_url(url));
  };
  EXPECT_TRUE(listed("https://example.org/a"));
  EXPECT_TRUE(listed("http://EXAMPLE.org"));
  EXPECT_FALSE(listed("http://example.org:443"));
  EXPECT_FALSE(listed("http://example.org:8080"));
  EXPECT_FALSE(listed("https://example.org.evil"));
  EXPECT_FALSE(listed("https://www.example.org"));
  EXPECT_TRUE(listed("https://a.b.example.net"));
  EXPECT_FALSE(listed("https://example.net"));
  EXPECT_FALSE(listed("https://evilexample.net"));
  EXPECT_TRUE(listed("http://images.internal:8080"));
  EXPECT_FALSE(listed("http://images.internal"));
  EXPECT_TRUE(listed("http://[2001:4860:0::1]:81"));
  EXPECT_FALSE(HostRules::parse("")->have(*parse_http_url("http://a")));
  EXPECT_TRUE(HostRules::parse(" , ")->empty());
}

TEST(HostRules, PrivateAddressesAreNamed) {
  EXPECT_EQ(refusal_of("a", "http://a", "8.8.8.8"), "");
  EXPECT_THAT(refusal_of("a", "http://a", "10.0.0.1"), HasSubstr("private"));
  EXPECT_THAT(refusal_of("*", "http://a", "169.254.169.254"), HasSubstr("local link"));
  EXPECT_THAT(refusal_of("*", "http://127.0.0.1", "127.0.0.1"), HasSubstr("this machine"));
  EXPECT_EQ(refusal_of("127.0.0.1:9000", "http://127.0.0.1:9000", "127.0.0.1"), "");
  EXPECT_EQ(refusal_of("127.0.0.1:9000", "http://localhost:9000", "127.0.0.1"), "not listed");
  EXPECT_EQ(refusal_of("a=10.0.0.0/8", "http://a", "10.0.0.1"), "");
  EXPECT_THAT(refusal_of("a=10.0.0.0/8", "http://a", "8.8.8.8"), HasSubstr("another network"));
  EXPECT_EQ(refusal_of("a=10.0.0.0/8,a", "http://a", "8.8.8.8"), "");
  EXPECT_EQ(refusal_of("a,*=10.0.0.0/8", "http://a", "10.0.0.1"), "");
  EXPECT_EQ(refusal_of("[::1]:9=::1", "http://[::1]:9", "::1"), "");
}

TEST(HostRules, WhatIsNoRuleIsSaid) {
  for (const char* rules : {"a b", "*a", "*.", "*.10.0.0.1", "a:0", "a=", "a=10", "a=10.0.0.0/40",
                            "http://a", "a/b", "::1", "a,b c"}) {
    EXPECT_FALSE(HostRules::parse(rules).ok()) << rules;
  }
}

}  // namespace
}  // namespace accel::server
