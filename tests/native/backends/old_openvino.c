/* A library that says it is a version of OpenVINO from before the plug-in's oldest. */
struct version {
    const char *build, *description;
};

__attribute__((visibility("default"))) int ov_get_openvino_version(struct version *version) {
    version->build = "2024.6.0-17404-4c0f47d2335";
    version->description = "OpenVINO Runtime";
    return 0;
}

__attribute__((visibility("default"))) void ov_version_free(struct version *version) {
    version->build = version->description = 0;
}
