#include "text/template.h"

#include <gtest/gtest.h>

namespace accel::text {
namespace {

const auto kNow = std::chrono::system_clock::from_time_t(1'767'139'200);  // 31 December 2025

Result<std::string> render(std::string_view source, std::string_view context) {
  auto compiled = Template::compile(source);
  if (!compiled.ok()) return compiled.status();
  return (*compiled)->render(context, kNow);
}

TEST(Template, ChatMl) {
  const auto text =
      render("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
             "message['content'] | trim + '<|im_end|>' + '\\n' }}{% endfor %}"
             "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
             R"({"messages": [{"role": "user", "content": " Grüße 😀 "}],
          "add_generation_prompt": true})");
  ASSERT_TRUE(text.ok()) << text.status().to_string();
  EXPECT_EQ(*text, "<|im_start|>user\nGrüße 😀<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Template, BlocksAreTrimmed) {
  EXPECT_EQ(*render("{% if true %}\n  a\n  {% endif %}\nb\n", "{}"), "  a\nb");
}

TEST(Template, JsonAsPythonWritesIt) {
  const char* context = R"({"v": {"b": [1, 2.0, "é<\"\n"], "a": null, "c": {}, "d": true}})";
  EXPECT_EQ(*render("{{ v | tojson }}", context),
            R"({"b": [1, 2.0, "é<\"\n"], "a": null, "c": {}, "d": true})");
  EXPECT_EQ(
      *render("{{ v | tojson(indent=2, sort_keys=true) }}", context),
      "{\n  \"a\": null,\n  \"b\": [\n    1,\n    2.0,\n    \"é<\\\"\\n\"\n  ],\n  \"c\": {},\n"
      "  \"d\": true\n}");
  EXPECT_EQ(*render("{{ v.b | tojson(ensure_ascii=true, separators=(',', ':')) }}", context),
            R"([1,2.0,"\u00e9<\"\n"])");
}

TEST(Template, NamesOfTheReferenceLibrary) {
  EXPECT_EQ(*render("{{ strftime_now('%d %b %Y') }}", "{}"), "31 Dec 2025");
  EXPECT_EQ(*render("{% for i in [1, 2, 3, 4] %}{% if i == 2 %}{% continue %}{% endif %}"
                    "{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
                    "{}"),
            "13");
  EXPECT_EQ(*render("{{ ' ab '.strip().upper() }}{{ 'a-b'.split('-')[1] }}"
                    "{{ d.items() | list | length }}{{ d.get('y', 'none') }}",
                    R"({"d": {"x": 1}})"),
            "ABb1none");
  EXPECT_EQ(*render("a{% generation %}b{%- endgeneration -%} c", "{}"), "abc");
  EXPECT_EQ(*render("{% set ns = namespace(n=0) %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}"
                    "{% endfor %}{{ ns.n }}{{ ['a','b'][::-1] | join }}",
                    "{}"),
            "3ba");
}

TEST(Template, PythonsMethodsAndTexts) {
  EXPECT_EQ(*render("{{ 'a-b-c'.rsplit('-', 1) }} {{ ' a b '.rsplit() }}", "{}"),
            "['a-b', 'c'] ['a', 'b']");
  EXPECT_EQ(*render("{{ 'abc'.removeprefix('a').removesuffix('c') }}{{ 'a=b=c'.partition('=')[2] }}"
                    "{{ 'a=b=c'.rpartition('=')[0] }}{{ '-7'.zfill(4) }}{{ 'x'.rjust(3) }}"
                    "{{ 'äbc'.index('c') }}{{ [4, 5].index(5) }}",
                    "{}"),
            "bb=ca=b-007  x21");
  EXPECT_EQ(*render("{{ 'x' is sequence }}", "{}"), "True");
  EXPECT_EQ(*render("{{ true }} {{ none }} {{ [1, 'a', 1.5, {'k': false}] }}", "{}"),
            "True None [1, 'a', 1.5, {'k': False}]");
  EXPECT_FALSE(render("{{ 'abc'.index('z') }}", "{}").ok());
  EXPECT_FALSE(render("{{ 'abc'.no_such_method() }}", "{}").ok());
}

TEST(Template, RaisedTextIsTheMessage) {
  const auto text = render("{{ raise_exception('Only user and assistant roles!') }}", "{}");
  EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(text.status().message(), "Only user and assistant roles!");
}

TEST(Template, SyntaxErrorsNameTheLine) {
  const auto text = render("a\n{% if %}", "{}");
  EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(text.status().message().find("line 2"), std::string::npos) << text.status().message();
}

TEST(Template, BadContextsAreRefused) {
  for (const char* context : {"", "[]", "3", "{", "{\"a\": }", "\xff"}) {
    EXPECT_EQ(render("x", context).status().code(), StatusCode::kInvalidArgument) << context;
  }
}

TEST(Template, HostileTemplatesStop) {
  const auto endless =
      render("{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}"
             "{% endfor %}{% endfor %}{% endfor %}",
             "{}");
  EXPECT_EQ(endless.status().code(), StatusCode::kResourceExhausted)
      << endless.status().to_string();
  const auto deep = render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{}");
  EXPECT_FALSE(deep.ok());
}

}  // namespace
}  // namespace accel::text
