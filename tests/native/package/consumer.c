/* A program outside the project: opens the bundle named by its first argument with the back end's
 * library named by its second, or, without arguments, reads the version and a refusal. */
#include <facedge/facedge.h>

#include <stdio.h>
#include <string.h>

static int expect(int truth, const char *what) {
    if (!truth) fprintf(stderr, "consumer: expected %s\n", what);
    return truth;
}

static int without_a_bundle(void) {
    facedge_model *model = (facedge_model *)&model;
    int ok = expect(facedge_version() >> 16 == FACEDGE_API_MAJOR, "the header's major version");
    ok &= expect(facedge_action_units[0] == 1, "the table of action units");
    int code = facedge_model_open(&model, "/nonexistent/bundle", NULL);
    ok &= expect(code == FACEDGE_EBUNDLE, "FACEDGE_EBUNDLE for a folder that is not there");
    ok &= expect(model == NULL, "no model after a refusal");
    ok &= expect(strstr(facedge_last_error(), "/nonexistent/bundle") != NULL,
                 "the folder's name in the sentence");
    printf("version %u.%u: %s\n", facedge_version() >> 16, facedge_version() & 0xffff,
           facedge_last_error());
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc < 2) return without_a_bundle();
    facedge_model *model = NULL;
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.library = argc > 2 ? argv[2] : NULL;
    if (facedge_model_open(&model, argv[1], &settings) < 0) {
        fprintf(stderr, "consumer: %s\n", facedge_last_error());
        return 1;
    }
    facedge_model_info info = {.struct_size = sizeof info};
    if (facedge_model_describe(model, &info) < 0) return 1;
    printf("%s on %s %s\n", info.name, info.backend, info.backend_version);
    facedge_model_close(&model);
    return 0;
}
