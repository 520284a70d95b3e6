#include "json/text.h"

#include <gtest/gtest.h>

#include <random>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "json/writer.h"

namespace rhooks {
namespace {

using namespace std::string_view_literals;

std::string compacted(std::string_view text) {
  const auto result = compact_json(text);
  return result ? *result : "refused: " + result.error().message;
}

std::string arrays_in_arrays(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(CompactJsonTest, DropsWhiteSpaceAndNothingElse) {
  EXPECT_EQ(compacted(" { \"b\" : [ 1 , 2.50 ,\t-0 ] ,\r\n \"a\" : \" x  y \" } \n"),
            R"({"b":[1,2.50,-0],"a":" x  y "})");
  EXPECT_EQ(compacted("  null "), "null");
  EXPECT_EQ(compacted("\"\""), "\"\"");
  EXPECT_EQ(compacted("[ ]"), "[]");
  EXPECT_EQ(compacted("{ }"), "{}");
  EXPECT_EQ(compacted(R"({"\" \\" : "\\" , "x":"\"" })"), R"({"\" \\":"\\","x":"\""})");
  // Escapes stay as they were written.
  EXPECT_EQ(compacted(R"(["\u00e9\/\ud83d\ude00"])"), R"(["\u00e9\/\ud83d\ude00"])");
}

TEST(CompactJsonTest, FindsTheEndsOfStringsThatHoldBackslashes) {
  for (std::size_t backslashes = 0; backslashes < 8; ++backslashes) {
    // An odd number of them escapes the quote, which then stands within the string.
    const bool escaped = backslashes % 2 == 1;
    const std::string text = "\"" + std::string(backslashes, '\\') + (escaped ? "\" , { \"" : "\"");
    EXPECT_EQ(compacted("[ " + text + " , { \"b\" : " + text + " } ]"),
              "[" + text + ",{\"b\":" + text + "}]");
  }
}

TEST(CompactJsonTest, KeepsNumbersAsTheyWereWritten) {
  for (const char* number : {"0", "-0", "0.10", "1E5", "1e+05", "123456789012345678901234567890",
                             "0.1000000000000000055511151231257827", "-9223372036854775809",
                             "1e400", "1.0", "18446744073709551616"}) {
    EXPECT_EQ(compacted(std::string("[ ") + number + " ]"), std::string("[") + number + "]");
  }
}

TEST(CompactJsonTest, RefusesWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "[1",
                           "[1,",
                           "[1,]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "'a'",
                           "\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\n\"",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "-",
                           "--1",
                           "0x1",
                           "NaN",
                           "Infinity",
                           "nul",
                           "True",
                           "1 2",
                           "{} {}",
                           "[1]]",
                           "/* c */ 1",
                           "// c\n1",
                           "\xef\xbb\xbf{}",
                           "}"}) {
    const auto result = compact_json(text);
    EXPECT_FALSE(result) << text;
    if (result) continue;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find("valid JSON"), std::string::npos);
  }
  EXPECT_FALSE(compact_json("\"\0\""sv));
}

TEST(CompactJsonTest, RefusesInvalidUtf8) {
  for (const char* bytes : {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf8\x88\x80\x80\x80", "\xff", "\xe2\x82"}) {
    EXPECT_FALSE(compact_json(std::string("\"") + bytes + "\"")) << bytes;
    EXPECT_FALSE(compact_json(std::string("{\"") + bytes + "\":1}")) << bytes;
  }
  EXPECT_EQ(compacted("\"é€😀\""), "\"é€😀\"");
}

TEST(CompactJsonTest, SaysWhere) {
  const auto result = compact_json("{\n  \"a\": 1,\n  \"b\": tru\n}");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("line 3"), std::string::npos) << result.error().message;
}

TEST(CompactJsonTest, BoundsNesting) {
  EXPECT_EQ(compacted(arrays_in_arrays(64)), arrays_in_arrays(64));
  const auto deep = compact_json(arrays_in_arrays(65));
  ASSERT_FALSE(deep);
  EXPECT_NE(deep.error().message.find("deeper than 64"), std::string::npos);
  // Of a document that is not a body more is borne, so that what is too deep in it has a name.
  EXPECT_TRUE(check_json(arrays_in_arrays(512)));
  EXPECT_FALSE(check_json(arrays_in_arrays(513)));
  EXPECT_FALSE(check_json(std::string(1'000'000, '[')));
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  EXPECT_FALSE(compact_json(objects + "1" + std::string(65, '}')));
}

TEST(CompactJsonTest, RefusesRepeatedNamesAnywhere) {
  const struct {
    const char* text;
    const char* path;
  } kCases[] = {
      {R"({"a":1,"b":2,"a":3})", "a"},
      {R"({"x":{"a":1,"a":1}})", "x.a"},
      {R"([0,{"x":[{"a":1},{"a":1,"\u0061":2}]}])", "[1].x[1].a"},
      {R"({"":1,"":2})", ""},
  };
  for (const auto& c : kCases) {
    const auto result = compact_json(c.text);
    ASSERT_FALSE(result) << c.text;
    EXPECT_EQ(result.error().field, c.path);
  }
  EXPECT_TRUE(compact_json(R"([{"a":1},{"a":1,"A":1,"b":{"a":1}}])"));
  EXPECT_TRUE(compact_json(R"( { "a" : [ ] , "b" : { } , "c" : [ { } , "}" , 1 ] } )"));
}

// The checked text of a random document is again valid, and compacting it changes nothing.
TEST(CompactJsonTest, IsItsOwnFixedPoint) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 engine(seed);
  const std::string alphabet = "{}[]\",:\\ \n0123456789.-eEtrufalsn";
  int valid = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (auto n = 1 + engine() % 8; n > 0; --n) text += alphabet[engine() % alphabet.size()];
    const auto once = compact_json(text);
    if (!once) continue;
    ++valid;
    const auto twice = compact_json(*once);
    ASSERT_TRUE(twice) << text;
    ASSERT_EQ(*once, *twice);
  }
  EXPECT_GT(valid, 100);
}

// Nothing but the check makes one, and what it has checked cannot be changed in place.
static_assert(!std::is_constructible_v<BodyJson, JsonValue>);
static_assert(std::is_same_v<decltype(std::declval<Body&>().data()), const std::string&>);

TEST(BodyJsonTest, BecomesABodyThatIsChecked) {
  const auto body = [](const std::string& text) { return check_body_json(text)->body(); };
  EXPECT_EQ(body(" null "), Body());
  EXPECT_EQ(body(R"("a\n")"), Body::text("a\n"));
  EXPECT_FALSE(body("\"[1]\"").is_checked());
  for (const std::string json : {"{ \"a\" : 1 }", "[]", "1.50", "true"}) {
    const Body checked = body(" " + json + "\n");
    EXPECT_EQ(checked, Body::json(json));
    EXPECT_TRUE(checked.is_checked());
    EXPECT_FALSE(Body::json(json).is_checked());
    EXPECT_EQ(check_json(checked)->raw(), json);
  }
}

TEST(BodyJsonTest, OtherTextInItsPlaceIsNotChecked) {
  Body body = check_body_json("[1]")->body();
  const Body copy = body;
  body = Body::json("[1");
  EXPECT_FALSE(body.is_checked());
  EXPECT_FALSE(check_json(body));
  EXPECT_TRUE(copy.is_checked());
}

TEST(JsonValueTest, ResolvesEscapes) {
  const auto value =
      check_json(R"("\"\\\/\b\f\n\r\tA\u0000\u007f\u0080\u07ff\u0800\uFFFF\ud83d\uDE00")");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->string(), std::string("\"\\/\b\f\n\r\tA\0\x7f", 11) +
                                 "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x9f\x98\x80");
}

TEST(JsonValueTest, KnowsWholeNumbers) {
  const auto integer = [](const char* text) { return check_json(text)->integer(); };
  EXPECT_EQ(integer("0"), 0);
  EXPECT_EQ(integer("-7"), -7);
  EXPECT_EQ(integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(integer("3.0"), 3);
  EXPECT_EQ(integer("1e3"), 1000);
  EXPECT_EQ(integer("9223372036854775808"), std::nullopt);
  EXPECT_EQ(integer("9223372036854775807.0"), std::nullopt);
  EXPECT_EQ(integer("3.5"), std::nullopt);
  EXPECT_EQ(integer("1e400"), std::nullopt);
  EXPECT_EQ(integer("1e-400"), std::nullopt);
  EXPECT_EQ(integer("99999999999999999999999999"), std::nullopt);
}

TEST(JsonWriterTest, EscapesAndRepairsText) {
  JsonWriter out;
  out.string("a\"\\\n\r\t\x01\x1f\0/\x7fé😀\xff\xe2\x82z"sv);
  const std::string text = out.take();
  EXPECT_EQ(text,
            "\"a\\\"\\\\\\n\\r\\t\\u0001\\u001f\\u0000/\x7fé😀\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
            "\xbdz\"");
  EXPECT_TRUE(check_json(text));
}

TEST(JsonWriterTest, EveryByteGivesValidJson) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 engine(seed);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(engine() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine());
    JsonWriter out;
    out.string(bytes);
    const std::string text = out.take();
    const auto value = check_json(text);
    ASSERT_TRUE(value) << value.error().message;
    ASSERT_EQ(value->string(), to_utf8(bytes));
  }
}

TEST(TextTest, QuotesStayShortAndWhole) {
  EXPECT_EQ(quote("abc"), "\"abc\"");
  EXPECT_EQ(quote("a\nb"), "\"a b\"");
  EXPECT_EQ(quote(std::string(41, 'x')), "\"" + std::string(40, 'x') + "…\"");
  EXPECT_EQ(quote(std::string(39, 'x') + "éé"), "\"" + std::string(39, 'x') + "…\"");
}

}  // namespace
}  // namespace rhooks
