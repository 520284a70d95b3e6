#include "aws/credential_chain.h"
#include "aws/endpoint.h"
#include "aws/environment.h"
#include "store/dynamo/corrected_clock.h"
#include "store/dynamo/dynamo_store.h"
#include "store/dynamo/membership_table.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/tables.h"

namespace rhooks::store {
namespace {

using namespace dynamo;

}  // namespace

Result<OpenedDynamo> open_dynamo(const DynamoSettings& settings, Metrics& metrics,
                                 std::shared_ptr<Clock> machine_clock, Random& random,
                                 const DynamoTuning& tuning) {
  const aws::Environment environment = aws::process_environment();
  auto endpoint = aws::resolve_endpoint(
      "DynamoDB", {settings.region, settings.endpoint, settings.profile}, environment);
  if (!endpoint) return fail(std::move(endpoint.error()));
  auto credentials =
      aws::make_credentials({settings.access_key_id, settings.secret_access_key,
                             settings.session_token, settings.profile, endpoint->region},
                            environment);
  if (!credentials) return fail(std::move(credentials.error()));

  DynamoStore::Parts parts;
  parts.credentials = std::move(*credentials);
  parts.machine_clock = machine_clock;
  ClientOptions options;
  options.endpoint = endpoint->url;
  options.region = endpoint->region;
  options.ca_file = aws::variable(environment, "AWS_CA_BUNDLE");
  for (auto [client, of] :
       {std::pair(&parts.client, options),
        std::pair(&parts.membership_client, membership_client_options(options))}) {
    auto made = Client::create(of, *parts.credentials, metrics, *machine_clock, random);
    if (!made) {
      Error& error = made.error();
      if (error.field == "caFile") error = {error.code, "AWS_CA_BUNDLE: " + error.message, ""};
      return fail(std::move(error));
    }
    *client = std::move(*made);
  }

  parts.tables = {settings.tasks, settings.logs};
  TablesOptions making;
  making.create = settings.create;
  making.shards = settings.shards;
  making.where = "region " + endpoint->region + ", endpoint " + endpoint->url;
  making.now = machine_clock->now();
  auto ready = prepare_tables(*parts.client, parts.tables, making);
  if (!ready) return fail(std::move(ready.error()));
  parts.shards = ready->shards;
  parts.tuning = tuning;

  OpenedDynamo opened;
  // It needs the store's client, so it must not be asked once the store is gone.
  opened.clock = std::make_shared<CorrectedClock>(
      std::move(machine_clock),
      [&client = std::as_const(*parts.client)] { return client.clock_offset(); });
  opened.store = std::make_unique<DynamoStore>(std::move(parts), random);
  return opened;
}

}  // namespace rhooks::store
