#include "plugins/environment.hpp"
#include "plugins/fake_bundle.hpp"
#include "plugins/plugin.hpp"

#include <doctest/doctest.h>

#include <cstddef>

using namespace facedge;

namespace {

const facedge_backend_table* load(const std::string& name) {
    const facedge_backend_table* table = nullptr;
    const Status status = load_plugin(name, FAKE_PLUGIN_DIR, table);
    INFO(status.message());
    REQUIRE(status.code() == FACEDGE_OK);
    return table;
}

Status refusal(const std::string& name) {
    const facedge_backend_table* table = nullptr;
    Status status = load_plugin(name, FAKE_PLUGIN_DIR, table);
    CHECK(table == nullptr);
    return status;
}

bool says(const Status& status, const std::string& words) {
    return status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a plug-in is loaded once") {
    const facedge_backend_table* table = load("fake");
    CHECK(table->abi == FACEDGE_BACKEND_ABI);
    CHECK(load("fake") == table);
    CHECK(load("fake-cuda") != table);
}

TEST_CASE("a plug-in that is not there: the sentence lists the folders") {
    const ScopedVariable path("FACEDGE_PLUGIN_PATH", "/first:/second");
    const facedge_backend_table* table = nullptr;
    const Status status = load_plugin("absent", "", table);
    CHECK(status.code() == FACEDGE_EBACKEND);
    CHECK(says(status, "libfacedge_backend_absent.so"));
    CHECK(says(status, "/first, /second, "));
    CHECK(says(status, "FACEDGE_PLUGIN_PATH"));
    CHECK(says(refusal("absent"), FAKE_PLUGIN_DIR));
}

TEST_CASE("a name with a path in it is refused") {
    const Status status = refusal("../fake");
    CHECK(status.code() == FACEDGE_EBACKEND);
    CHECK(says(status, "'../fake' is no name of a back end"));
}

TEST_CASE("a file that is no shared object, or no plug-in, is a sentence") {
    const Status garbage = refusal("garbage");
    CHECK(garbage.code() == FACEDGE_EBACKEND);
    CHECK(says(garbage, "libfacedge_backend_garbage.so does not load"));
    const Status empty = refusal("empty");
    CHECK(empty.code() == FACEDGE_EBACKEND);
    CHECK(says(empty, "has no function facedge_backend"));
}

TEST_CASE("a plug-in of another version is refused") {
    SUBCASE("it serves no host of this ABI") {
        const ScopedVariable table("FACEDGE_FAKE_TABLE", "null");
        const Status status = refusal("fake");
        CHECK(status.code() == FACEDGE_EVERSION);
        CHECK(says(status, "has another ABI and this libfacedge expects ABI 1"));
    }
    SUBCASE("another ABI") {
        const ScopedVariable table("FACEDGE_FAKE_TABLE", "abi");
        const Status status = refusal("fake");
        CHECK(status.code() == FACEDGE_EVERSION);
        CHECK(says(status, "has ABI 2 and this libfacedge expects ABI 1"));
    }
    SUBCASE("a table that lacks members of the first version") {
        const ScopedVariable table("FACEDGE_FAKE_TABLE", "tiny");
        const Status status = refusal("fake");
        CHECK(status.code() == FACEDGE_EVERSION);
        CHECK(says(status,
                   "has a table of " + std::to_string(offsetof(facedge_backend_table, wait))));
    }
    SUBCASE("a function is missing") {
        const ScopedVariable table("FACEDGE_FAKE_TABLE", "incomplete");
        CHECK(refusal("fake").code() == FACEDGE_EBACKEND);
    }
}

TEST_CASE("members beyond a table's size are not read") {
    // The "small" table ends before crop, and what follows are no addresses.
    const ScopedVariable table("FACEDGE_FAKE_TABLE", "small");
    CHECK_FALSE(can_crop(*load("fake-cuda")));
}

TEST_CASE("a back end that can crop says so with both functions") {
    CHECK_FALSE(can_crop(*load("fake")));
    facedge_backend_table table = *load("fake-cuda");
    CHECK(can_crop(table));
    table.crop_wait = nullptr;
    CHECK_FALSE(can_crop(table));
}

TEST_CASE("codes and texts of a careless back end become proper ones") {
    CHECK(backend_code(FACEDGE_EPLAN) == FACEDGE_EPLAN);
    CHECK(backend_code(FACEDGE_EAGAIN) == FACEDGE_EBACKEND);
    CHECK(backend_code(7) == FACEDGE_EBACKEND);
    CHECK(backend_code(-1000) == FACEDGE_EBACKEND);
    facedge_error error;
    for (char& c : error.text) c = 'x';
    CHECK(std::string(backend_text(error)).size() == FACEDGE_ERROR_TEXT - 1);
    error.text[0] = '\0';
    CHECK(std::string(backend_text(error)) == "the back end failed and gave no reason");
}

TEST_CASE("lanes: the fake back end's buffers, and its refusal") {
    const fake::TemporaryFolder folder;
    fake::write_bundle(folder / "b", fake::super_resolution("fail_lane=2\n"));
    Bundle bundle;
    REQUIRE(Bundle::load(folder / "b", true, bundle));
    EngineOptions options;
    options.plugin_dir = FAKE_PLUGIN_DIR;
    options.library = "9.9";
    std::unique_ptr<Engine> engine;
    REQUIRE(open_engine(bundle, bundle.manifest().artifacts[0], options, engine));
    CHECK(engine->version() == "9.9");
    std::unique_ptr<Lane> lane, second;
    REQUIRE(Lane::open(*engine, {1, 2}, nullptr, lane));
    CHECK(lane->buffers().inputs[0] != nullptr);
    const Status status = Lane::open(*engine, {1, 2}, lane.get(), second);
    CHECK(status.code() == FACEDGE_ENOMEM);
    CHECK(status.message() == "it was told to fail at lane 2");
    CHECK(second == nullptr);
    lane.reset();
    engine.reset();
}
