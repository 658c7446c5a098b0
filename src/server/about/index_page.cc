// GET /: a page for people, with every endpoint and a line to try.
#include <fmt/format.h>

#include "accel/engine.h"
#include "server/endpoints.h"
#include "server/server.h"

namespace accel::server {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>accel</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; background: #fff; }}
pre {{ background: #f3f3f3; padding: .8rem; overflow-x: auto; }}
td {{ padding: .1rem .8rem .1rem 0; vertical-align: top; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #ddd; background: #161616; }}
  pre {{ background: #242424; }} a {{ color: #8ab4f8; }} }}
</style>
</head>
<body>
<h1>accel {version}</h1>
<p>{state} <a href="/v1/models">Models</a>, <a href="/openapi.json">the OpenAPI file</a>,
<a href="/metrics">metrics</a>.</p>
<pre>curl {host}/v1/embeddings -d '{{"model": "default", "input": "a text"}}'</pre>
<table>
{rows}</table>
</body>
</html>
)";

Result<http::Response> tell_index(const Asked& asked, const ServerState& state) {
  std::string rows;
  for (const Endpoint& endpoint : state.endpoints()) {
    rows += fmt::format("<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>\n",
                        endpoint.method, escaped(endpoint.path), escaped(endpoint.summary));
  }
  const std::string host = fmt::format("{}://{}", asked.head.secure ? "https" : "http",
                                       http::find(asked.head.headers, "host"));
  return http::Response{
      .headers = {{"content-type", "text/html; charset=utf-8"},
                  {"content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"}},
      .body = fmt::format(fmt::runtime(kPage), fmt::arg("version", version()),
                          fmt::arg("state", state.ready() ? "Ready." : "Not ready."),
                          fmt::arg("host", escaped(host)), fmt::arg("rows", rows))};
}

}  // namespace

Endpoint index_endpoint() {
  return {.method = "GET",
          .path = "/",
          .scope = Scope::kPublic,
          .summary = "This page",
          .operation = R"({"responses": {"200": {"description": "A page for people.",
              "content": {"text/html": {"schema": {"type": "string"}}}}}})",
          .answer = tell_index};
}

}  // namespace accel::server
