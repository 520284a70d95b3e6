#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"
#include "schedule/cron.h"
#include "schedule/words.h"

namespace rhooks::schedule {
namespace {

constexpr std::size_t kExpressionBytesMax = 256;
constexpr std::string_view kOrder =
    "five fields are minute, hour, day, month and weekday; six have the second before them, seven "
    "the year behind them, too";

constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED",
                                                    "THU", "FRI", "SAT"};

enum class Part { kSecond, kMinute, kHour, kDay, kMonth, kWeekday, kYear };

// A field of an expression: what it is called, and what it may hold.
struct Kind {
  Part part;
  std::string_view name;
  int low;
  int high;
  bool wraps;  // a range may go on over the end: 22-2
  std::string_view allowed;
};
constexpr std::array<Kind, 7> kKinds{{
    {Part::kSecond, "second", 0, 59, true, "0-59"},
    {Part::kMinute, "minute", 0, 59, true, "0-59"},
    {Part::kHour, "hour", 0, 23, true, "0-23"},
    {Part::kDay, "day", 1, 31, false, "1-31, L, L-2, LW or 15W"},
    {Part::kMonth, "month", 1, 12, true, "1-12 or JAN-DEC"},
    {Part::kWeekday, "weekday", 0, 6, true,
     "0-7, of which 0 and 7 are Sunday, SUN-SAT, FRIL or FRI#2"},
    {Part::kYear, "year", kFirstYear, kLastYear, false, "1970-2199"},
}};

struct Word {
  std::string_view text;
  std::size_t at;  // in the expression, from 0
};

std::vector<Word> words_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<Word> words;
  words.reserve(8);
  for (auto at = text.find_first_not_of(kBlanks); at != text.npos;
       at = text.find_first_not_of(kBlanks, at)) {
    const auto end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back({text.substr(at, end - at), at});
    at = end;
  }
  return words;
}

// Of a few digits, or none.
int number_of(std::string_view digits) {
  int number = 0;
  for (const char c : digits) number = number * 10 + c - '0';
  return number;
}

tl::unexpected<Error> bad_cron(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

// What a field has come to.
struct Field {
  std::bitset<kLastYear - kFirstYear + 1> values;  // from the lowest that the field may hold on
  bool any = false;                                // it holds *
  std::size_t star_step = 0;                       // of an item */n with n > 1; else 0

  std::uint64_t bits(int low) const { return values.to_ullong() << low; }
};

// Reads one field, item by item, into a Field and, for L, W and #, into the expression.
class FieldParser {
 public:
  FieldParser(const Kind& kind, Word word, Cron& cron)
      : kind_(kind), word_(word), rest_(word.text), cron_(cron) {}

  Result<Field> parse() {
    if (kind_.part == Part::kWeekday) cron_.both_days = take('+');
    do {
      item_ = rest_.substr(0, rest_.find(','));
      item_at_ = word_.at + (word_.text.size() - rest_.size());
      if (item_.empty()) return bad("it is empty; it may be " + std::string(kind_.allowed));
      if (auto read = item(); !read) return fail(read.error());
      if (!rest_.empty() && rest_.front() != ',') return bad_rest();
    } while (take(','));
    return field_;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  tl::unexpected<Error> bad(const std::string& why) const {
    return bad_cron("the " + std::string(kind_.name) + " " + quote(item_) + " at position " +
                    std::to_string(item_at_ + 1) + ": " + why);
  }

  tl::unexpected<Error> bad_rest() const {
    if (kind_.part == Part::kDay && rest_.starts_with('W')) {
      return bad("W goes with one day: 15W, LW; of several write each: 1W,15W");
    }
    return bad(quote(rest_.substr(0, rest_.find(','))) + " is not expected there; it may be " +
               std::string(kind_.allowed));
  }

  // A number, or the first three letters of a name.
  Result<int> value() {
    const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (digits == 0) return name();
    const std::size_t digits_max = kind_.part == Part::kYear ? 4 : 2;
    const int high = kind_.part == Part::kWeekday ? 7 : kind_.high;
    const int number = number_of(rest_.substr(0, std::min(digits, digits_max)));
    if (digits > digits_max || number < kind_.low || number > high) {
      return bad(std::string(rest_.substr(0, digits)) + " is out of range; it may be " +
                 std::string(kind_.allowed));
    }
    rest_.remove_prefix(digits);
    return number;
  }

  Result<int> name() {
    const auto named = [&](const auto& names, int first) -> int {
      const auto found = std::find(names.begin(), names.end(), rest_.substr(0, 3));
      return found == names.end() ? -1 : static_cast<int>(found - names.begin()) + first;
    };
    const int number = kind_.part == Part::kMonth     ? named(kMonths, 1)
                       : kind_.part == Part::kWeekday ? named(kWeekdays, 0)
                                                      : -1;
    if (number < 0) return bad("it may be " + std::string(kind_.allowed));
    const std::string_view three = rest_.substr(0, 3);
    rest_.remove_prefix(3);
    const bool last = kind_.part == Part::kWeekday && rest_.starts_with('L') &&
                      (rest_.size() == 1 || rest_[1] == ',');
    if (!rest_.empty() && rest_.front() >= 'A' && rest_.front() <= 'Z' && !last) {
      return bad("names have three letters; write " + std::string(three));
    }
    return number;
  }

  Result<void> item() {
    if (rest_.starts_with('H')) {
      return fail(ErrorCode::kUnsupported,
                  "H, at position " + std::to_string(item_at_ + 1) +
                      ", is not supported; write the time, and spread tasks with \"jitter\"");
    }
    if (kind_.part == Part::kDay && rest_.starts_with('L')) return last_day();
    if (take('*') || (is_day_field() && take('?'))) {
      const auto step = read_step(kind_.high - kind_.low + 1);
      if (!step) return fail(step.error());
      if (*step == 1) field_.any = true;
      if (*step > 1) field_.star_step = static_cast<std::size_t>(*step);
      return add(kind_.low, kind_.high, *step);
    }
    if (kind_.part == Part::kWeekday && rest_.starts_with('L')) {
      return bad("L needs a day there: FRIL is the last Friday of the month, SAT every Saturday");
    }
    const auto first = value();
    if (!first) return fail(first.error());
    if (kind_.part == Part::kDay && take('W')) {
      cron_.nearest |= 1U << *first;
      return {};
    }
    if (kind_.part == Part::kWeekday && (take('L') || take('#'))) return nth_weekday(*first);
    return range(*first);
  }

  bool is_day_field() const { return kind_.part == Part::kDay || kind_.part == Part::kWeekday; }

  // From the value that was read on: "-17/2", "/20", or nothing.
  Result<void> range(int first) {
    int last = first;
    if (take('-')) {
      const auto value_behind = value();
      if (!value_behind) return fail(value_behind.error());
      last = *value_behind;
    } else if (rest_.starts_with('/')) {
      last = kind_.high;
    }
    if (kind_.part == Part::kWeekday && first == 7 && last < 7) first = 0;
    if (last < first && !kind_.wraps) {
      const auto text = [](int n) { return std::to_string(n); };
      return bad("a range of " + std::string(kind_.name) + "s does not go on over the end; write " +
                 text(first) + "-" + text(kind_.high) + "," + text(kind_.low) + "-" + text(last));
    }
    const int size = kind_.high - kind_.low + 1;
    const int count = last >= first ? last - first + 1 : last + size - first + 1;
    const auto step = read_step(count);
    if (!step) return fail(step.error());
    return add(first, first + count - 1, *step);
  }

  // "/n", or 1.
  Result<int> read_step(int count) {
    if (!take('/')) return 1;
    const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const int step = number_of(rest_.substr(0, std::min<std::size_t>(digits, 4)));
    if (step == 0) return bad("a step is a number of at least 1, as in */5");
    if (step > count || digits > 4) {
      return bad("the step is longer than the " + std::to_string(count) +
                 " values that it steps through" + every_instead(step));
    }
    rest_.remove_prefix(digits);
    return step;
  }

  // What says a step that does not fit.
  std::string every_instead(int step) const {
    if (kind_.part != Part::kMinute && kind_.part != Part::kHour) return "";
    const std::string number = std::to_string(step);
    return "; for each " + number + " " + std::string(kind_.name) + "s give \"every\": \"" +
           number + kind_.name.front() + "\" instead of \"cron\"";
  }

  Result<void> add(int first, int last, int step) {
    const int size = kind_.high - kind_.low + 1;
    for (int n = first; n <= last; n += step) field_.values.set((n - kind_.low) % size);
    return {};
  }

  // "L", "L-2", "LW", "L-2W".
  Result<void> last_day() {
    take('L');
    int before = 0;
    if (take('-')) {
      const auto days = value();
      if (!days || *days > 30) return bad("before the last day there are 1 to 30: L-1 to L-30");
      before = *days;
    }
    (take('W') ? cron_.nearest_before_last : cron_.before_last) |= 1U << before;
    return {};
  }

  // Behind "5L" and "5#".
  Result<void> nth_weekday(int day) {
    const auto bit = static_cast<std::uint8_t>(1U << day % 7);
    const bool hash = *(rest_.data() - 1) == '#';
    if (!hash || take('L')) {
      cron_.last_weekdays |= bit;
      return {};
    }
    const bool in_range = !rest_.empty() && rest_.front() >= '1' && rest_.front() <= '5';
    if (!in_range || (rest_.size() > 1 && is_digit(rest_[1]))) {
      return bad("behind # stands which one of the month it is: 1 to 5, or L for the last");
    }
    cron_.weekdays[rest_.front() - '0'] |= bit;
    rest_.remove_prefix(1);
    return {};
  }

  const Kind& kind_;
  const Word word_;
  std::string_view rest_;
  Cron& cron_;
  Field field_;
  std::string_view item_;  // the one that is read
  std::size_t item_at_ = 0;
};

std::string_view expression_of(std::string_view text) {
  struct Nickname {
    std::string_view name, expression;
  };
  static constexpr Nickname kNicknames[] = {{"@YEARLY", "0 0 1 1 *"},  {"@ANNUALLY", "0 0 1 1 *"},
                                            {"@MONTHLY", "0 0 1 * *"}, {"@WEEKLY", "0 0 * * 0"},
                                            {"@DAILY", "0 0 * * *"},   {"@MIDNIGHT", "0 0 * * *"},
                                            {"@HOURLY", "0 * * * *"}};
  for (const Nickname& one : kNicknames) {
    if (trim(text, " \t") == one.name) return one.expression;
  }
  return text;
}

Result<void> check_count(const std::vector<Word>& words, std::string_view text) {
  const std::size_t count = words.size();
  if (count < 5 || count > 7) {
    return bad_cron("it has " + std::to_string(count) + (count == 1 ? " field" : " fields") + "; " +
                    std::string(kOrder));
  }
  const std::string_view last = words.back().text;
  if (count == 6 && last.size() >= 4 &&
      std::all_of(last.begin(), last.begin() + 4, [](char c) { return is_digit(c); })) {
    return bad_cron("six fields begin with the second, and " + quote(last) + " at position " +
                    std::to_string(words.back().at + 1) + " looks like a year; write \"0 " +
                    std::string(trim(text, " \t")) + "\"");
  }
  return {};
}

// "*/2" beside another day field that is not "*": some take either, some both.
Result<void> check_day_fields(const std::vector<Word>& words, std::size_t day_index,
                              const Field& day, const Field& weekday, bool both) {
  if (both || day.any || weekday.any || day.star_step + weekday.star_step == 0) return {};
  const auto written = [&](bool for_both) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string word(words[i].text);
      if (!for_both && i == day_index && day.star_step)
        word.replace(word.find_first_of("*?"), 1, "1-31");
      if (!for_both && i == day_index + 2 && weekday.star_step) {
        word.replace(word.find_first_of("*?"), 1, "0-6");
      }
      if (for_both && i == day_index + 2) word.insert(0, "+");
      text += (i == 0 ? "" : " ") + word;
    }
    return '"' + text + '"';
  };
  return bad_cron("a step over * in one day field beside the other (at position " +
                  std::to_string(words[day.star_step ? day_index : day_index + 2].at + 1) +
                  ") is read in two ways; write " + written(false) +
                  " for days that match either of them, or " + written(true) + " for both");
}

// The years from 2000 on begin on each weekday, leap or not, within 28: what matches none of their
// days never matches one.
Result<void> check_possible(const Cron& cron, bool has_years) {
  Cron any_year = cron;
  any_year.years.set();
  const auto matches_in = [](const Cron& one, int first, int last) {
    for (int year = first; year <= last; ++year) {
      for (unsigned month = 1; month <= 12; ++month) {
        if (one.days_of(std::chrono::year(year) / std::chrono::month(month)) != 0) return true;
      }
    }
    return false;
  };
  if (!has_years ? matches_in(cron, 2000, 2027) : matches_in(cron, kFirstYear, kLastYear))
    return {};
  if (has_years && matches_in(any_year, 2000, 2027)) {
    return bad_cron("it never happens: none of its years has a day for \"" + cron_in_words(cron) +
                    '"');
  }
  return bad_cron("it never happens: no year has a day for \"" + cron_in_words(any_year) + '"');
}

}  // namespace

Result<Cron> parse_cron(std::string_view given) {
  if (given.size() > kExpressionBytesMax) return bad_cron("it has more than 256 bytes");
  if (auto hint = foreign_spelling(given)) return bad_cron(*hint);
  std::string upper(given);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const std::string_view text = expression_of(upper);
  const std::vector<Word> words = words_of(text);
  if (auto counted = check_count(words, text); !counted) return fail(counted.error());

  Cron cron;
  std::array<Field, 7> fields;
  const std::size_t left_out = words.size() == 5 ? 1 : 0;  // the second
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto field = FieldParser(kKinds[i + left_out], words[i], cron).parse();
    if (!field) return fail(field.error());
    fields[i + left_out] = *field;
  }
  const auto& [second, minute, hour, day, month, weekday, year] = fields;
  if (left_out == 0) cron.seconds = second.bits(0);
  cron.minutes = minute.bits(0);
  cron.hours = static_cast<std::uint32_t>(hour.bits(0));
  cron.days = static_cast<std::uint32_t>(day.bits(1));
  cron.months = static_cast<std::uint32_t>(month.bits(1));
  cron.weekdays[0] = static_cast<std::uint8_t>(weekday.bits(0));
  cron.any_day = day.any;
  cron.any_weekday = weekday.any;
  const bool has_years = words.size() == 7;
  has_years ? cron.years = year.values : cron.years.set();

  auto clear = check_day_fields(words, 3 - left_out, day, weekday, cron.both_days);
  if (!clear) return fail(clear.error());
  if (auto possible = check_possible(cron, has_years); !possible) return fail(possible.error());
  return cron;
}

}  // namespace rhooks::schedule
