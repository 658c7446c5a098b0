"""Shows that each rule of layers.py catches what it forbids: a small sound tree, broken one way at
a time."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import layers
import sources

LISTING = """
accel_folder(base STOREY 0
  SOURCES files.cc
  TESTS files_test.cc
  FUZZ files_fuzz.cc)
accel_folder(text STOREY 1
  SOURCES tokens.cc
  DEPENDS base)
accel_folder(tensors STOREY 1
  SOURCES zip.cc)
accel_folder(models STOREY 3
  SOURCES weights.cc
  DEPENDS base)
accel_folder(backends/openvino STOREY 4
  SOURCES session.cc)
add_executable(accel cli/main.cc)
"""

SOUND_TREE = {
    "include/accel/status.h": "#include <string>\n",
    "include/accel/tensor.h": '#include "accel/status.h"\n',
    "src/CMakeLists.txt": LISTING,
    "src/base/files.h": '#include "accel/status.h"\n',
    "src/base/files.cc": '#include "base/files.h"\n',
    "src/base/files_test.cc": "#include <gtest/gtest.h>\n",
    "src/base/files_fuzz.cc": '#include "base/files.h"\n',
    "src/text/tokens.cc": '#include "base/files.h"\n',
    "src/text/tokens.h": "",
    "src/tensors/zip.cc": "",
    "src/models/families/bert.cc": "#include <openvino/core/model.hpp>\n",
    "src/models/families/families.h": "#define FAMILIES(FAMILY) FAMILY(kBert)\n",
    "src/models/weights.cc": "",
    "src/backends/openvino/session.cc": '#include "openvino/openvino.hpp"\n',
    "src/cli/main.cc": "int main() { return 0; }\n",
    "docs/guide.md": "A line that is " + "very " * 30 + "long is fine here.\n",
}


class Tree(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name).resolve()
        for path, text in SOUND_TREE.items():
            self.write(path, text)

    def write(self, path, text):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")

    def expect(self, rule, path, text):
        """Exactly one finding, of this rule, at this path, whose text contains `text`."""
        found = layers.findings(self.root)
        self.assertEqual([(f.rule, f.path) for f in found], [(rule, path)], found)
        self.assertIn(text, found[0].text)


class SoundTree(Tree):

    def test_has_no_findings(self):
        self.assertEqual(layers.findings(self.root), [])


class Storeys(Tree):

    def test_higher_storey(self):
        self.write("src/base/files.cc", '#include "text/tokens.h"\n')
        self.expect("layers", "src/base/files.cc", "storey 0")

    def test_same_storey(self):
        self.write("src/tensors/zip.cc", '#include "text/tokens.h"\n')
        self.expect("layers", "src/tensors/zip.cc", "tensors (storey 1) may include only lower")

    def test_include_accel_uses_nothing_of_ours(self):
        self.write("include/accel/tensor.h", '#include "base/files.h"\n')
        self.expect("layers", "include/accel/tensor.h", "base/files.h")

    def test_include_accel_uses_no_third_party(self):
        self.write("include/accel/tensor.h", "#include <nlohmann/json.hpp>\n")
        self.expect("layers", "include/accel/tensor.h", "nlohmann")

    def test_openvino_only_below_and_in_backends(self):
        self.write("src/text/tokens.cc", "#include <openvino/openvino.hpp>\n")
        self.expect("layers", "src/text/tokens.cc", "OpenVINO is seen only by")

    def test_boost_only_in_the_http_folders(self):
        self.write("src/text/tokens.cc", "#include <boost/asio.hpp>\n")
        self.expect("layers", "src/text/tokens.cc", "Boost is seen only by")


class Sizes(Tree):

    def test_long_line(self):
        self.write("src/text/tokens.cc", "// " + "x" * 98 + "\n")
        self.expect("size", "src/text/tokens.cc", "found 101")

    def test_long_file(self):
        self.write("src/text/tokens.cc", "\n" * 801)
        self.expect("size", "src/text/tokens.cc", "found 801")

    def test_longest_file_and_line_that_pass(self):
        self.write("src/text/tokens.cc", "// " + "é" * 97 + "\n" + "\n" * 799)
        self.assertEqual(layers.findings(self.root), [])

    def function_of(self, lines):
        body = "  call({1, 2});\n" * (lines - 3)
        self.write(
            "src/text/tokens.cc",
            "namespace accel {\nResult<int> Tokens::cut(int n,\n"
            "    Options o = {}) const {\n" + body + "}\n}\n",
        )

    def test_long_function(self):
        self.function_of(71)
        self.expect("size", "src/text/tokens.cc", "found 71 in Tokens::cut")

    def test_longest_function_that_passes(self):
        self.function_of(70)
        self.assertEqual(layers.findings(self.root), [])


class Names(Tree):

    def test_not_snake_case(self):
        self.write("src/text/WordCache.h", "")
        self.expect("names", "src/text/WordCache.h", "snake_case")

    def test_says_nothing(self):
        self.write("src/text/token_utils.h", "")
        self.expect("names", "src/text/token_utils.h", "'utils'")

    def test_folder_says_nothing(self):
        self.write("tools/common/x.py", "")
        self.expect("names", "tools/common/x.py", "'common'")


class Lists(Tree):

    def test_source_not_listed(self):
        self.write("src/text/lost.cc", "")
        self.expect("lists", "src/text/lost.cc", "SOURCES of accel_folder(text)")

    def test_test_not_listed(self):
        self.write("src/text/tokens_test.cc", "#include <gtest/gtest.h>\n")
        self.expect("lists", "src/text/tokens_test.cc", "TESTS")

    def test_fuzz_target_not_listed(self):
        self.write("src/text/tokens_fuzz.cc", "")
        self.expect("lists", "src/text/tokens_fuzz.cc", "FUZZ")

    def test_listed_and_absent(self):
        (self.root / "src/tensors/zip.cc").unlink()
        self.expect("lists", "src/CMakeLists.txt", "lists zip.cc")

    def test_folder_not_declared(self):
        self.write("src/audio/wave.cc", '#include "base/files.h"\n')
        self.expect("lists", "src/audio/wave.cc", "not declared")

    def test_family_not_in_the_visible_list(self):
        self.write("src/models/families/mpnet.cc", "")
        self.expect("lists", "src/models/families/families.h", "FAMILY(kMpnet)")

    def test_visible_list_not_sorted(self):
        self.write("src/models/families/albert.cc", "")
        self.write("src/models/families/families.h", "FAMILY(kBert) FAMILY(kAlbert)\n")
        self.expect("lists", "src/models/families/families.h", "sorted")


class Texts(Tree):

    def test_mark(self):
        self.write("src/text/tokens.cc", "// TODO later\n")
        self.expect("marks", "src/text/tokens.cc", "TODO")

    def test_machine_path(self):
        self.write("docs/guide.md", "Look into /home/someone/accel for it.\n")
        self.expect("paths", "docs/guide.md", "/home/")

    def test_registry_host(self):
        self.write("tools/fetch.py", 'URL = "https://py' + 'pi.org/simple"\n')
        self.expect("hosts", "tools/fetch.py", "py" "pi.org")


class Functions(unittest.TestCase):

    def names(self, text):
        return [(name, last - first + 1) for name, first, last in sources.functions(text)]

    def test_found_with_their_length(self):
        self.assertEqual(self.names("int f() { return 1; }\n"), [("f", 1)])
        self.assertEqual(
            self.names("template <class T>\nauto g(T x) -> int {\n  if (x) {\n  }\n}\n"), [("g", 5)]
        )
        self.assertEqual(self.names("A::A(int b) : b_{b}, c_(b) {\n  d();\n}\n"), [("A::A", 3)])
        self.assertEqual(self.names("TEST(Zip, Reads) {\n}\n"), [("TEST(Zip, Reads)", 2)])
        self.assertEqual(self.names("bool operator==(A a, B b) {\n}\n"), [("operator==", 2)])

    def test_members_of_a_class(self):
        self.assertEqual(
            self.names("class A : public B {\n public:\n  int x() const {\n  }\n};\n"), [("x", 2)]
        )

    def test_what_is_no_function(self):
        for text in (
            "struct A {\n  int b{1};\n};\n",
            "constexpr int kX[] = {1, 2};\n",
            "namespace a {\nint b;\n}\n",
            "enum class E { kA };\n",
            "const auto kTable = make({{1, 2}});\n",
            'const char* s = "f() {";\n',
            "// f() {\n",
            "#define F(x) f(x) {\n",
        ):
            self.assertEqual(self.names(text), [], text)

    def test_braces_in_text_are_not_counted(self):
        self.assertEqual(
            self.names('void f() {\n  g("}", \'}\', 1\'000, R"({{)");  // }\n}\n'), [("f", 3)]
        )


if __name__ == "__main__":
    unittest.main()
