#include "cli/manual_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using testing::HasSubstr;

TEST(ManualPage, EscapesWhatRoffWouldTakeForItsOwn) {
  const CommandDescription command{
      .name = "run",
      .summary = "what it's for",
      .usage = "accel run [FLAGS] MODEL",
      .flags = {{"--input", "FILE|-", ".hidden or a\\b"}, {"--json", "", "for programs"}},
      .arguments = {{.name = "MODEL", .help = "'quoted'", .required = true}},
      .examples = {"accel run a -d '{}'"}};
  const std::string page = manual_page(command);
  EXPECT_THAT(page, HasSubstr(".TH ACCEL\\-RUN 1 "));
  EXPECT_THAT(page, HasSubstr("accel\\-run \\- what it\\(aqs for\n"));
  EXPECT_THAT(page, HasSubstr("\n\\&.hidden or a\\eb\n"));
  EXPECT_THAT(page, HasSubstr("\n\\&\\(aqquoted\\(aq\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-input\\fR \\fIFILE|\\-\\fR\n"));
  EXPECT_THAT(page, HasSubstr(".nf\naccel run a \\-d \\(aq{}\\(aq\n.fi\n"));
  EXPECT_THAT(manual_overview({&command, 1}), HasSubstr(".BR accel\\-run (1)\n"));
}

}  // namespace
}  // namespace accel::cli
