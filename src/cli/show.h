#pragma once

#include <rhooks/api_key.h>
#include <rhooks/endpoint.h>
#include <rhooks/log.h>
#include <rhooks/redrive.h>
#include <rhooks/secret.h>
#include <rhooks/store_description.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>

#include "cli/io.h"
#include "cli/table.h"
#include "schedule/zones.h"

// How tasks and logs look to people.
namespace rhooks::cli {

TableStyle table_style(const Io& io);

Table task_table(const Io& io);
void add_task(Table& table, const Task& task);

Table log_table(const Io& io);
void add_log(Table& table, const Log& log);

// The occurrences of a preview, a row each.
Table occurrence_table(const Preview& preview, const Io& io);

Table endpoint_table(const Io& io);
void add_endpoint(Table& table, const Endpoint& endpoint);
Table secret_table(const Io& io);
void add_secret(Table& table, const Secret& secret);
Table api_key_table(const Io& io);
void add_api_key(Table& table, const ApiKey& key);

// "ACTIVE", "FAILED, exhausted", "ACTIVE, held by paused".
std::string show_status(const Task& task);

// A task as lines of "name  value", its bodies below.
std::string task_card(const Task& task, const schedule::Zones& zones, const Io& io);

std::string endpoint_card(const Endpoint& endpoint, const Io& io);
std::string secret_card(const Secret& secret, const Io& io);
std::string api_key_card(const ApiKey& key, const Io& io);

std::string redrive_card(const Redrive& redrive, const Io& io);

// What a store tells of itself, without its tables.
std::string store_card(const StoreDescription& description, const Io& io);

// "3 × every 10 minutes", "every hour".
std::string show_repeat(const Repeat& repeat);
// "cron 0 9 * * 1-5 Europe/Berlin", "every 2w UTC", "at 2027-01-31T09:00 and 3 others UTC".
std::string show_schedule(const Schedule& schedule);
// "at 09:00, Monday to Friday (Europe/Berlin)"; empty where its zone is none of these.
std::string schedule_in_words(const Schedule& schedule, const schedule::Zones& zones);

// A JSON document on one line, for output with one a line: the bodies in it are as they were
// given, line breaks and all. White space outside of strings is dropped.
std::string json_line(std::string_view json);

// Prints a line of JSON. For programs it is as it was stored; at a terminal the characters that
// would steer it are escaped (\u009b), which is the same JSON.
void print_json(Io& io, std::string_view json);

// JSON indented (json/pretty.h), text that is none as it is; with control characters escaped, for
// bodies that came from outside.
std::string pretty_body(std::string_view body);

}  // namespace rhooks::cli
