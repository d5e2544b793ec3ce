/* A picture of a face in, the restored picture out:
 *
 *     face_in_face_out bundles/fsr-student-int8 < face.ppm > restored.ppm
 *
 * face.ppm is a binary PPM of the model's input size, such as 16 x 16 pixels. */
#include <facedge/facedge.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *sentence) {
    fprintf(stderr, "%s\n", sentence);
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    static uint8_t pixels[256 * 256 * 3];
    facedge_faces faces;
    facedge_faces_default(&faces);
    faces.pixels = pixels, faces.count = 1;
    if (argc != 2 || scanf("P6 %d %d 255%*c", &faces.width, &faces.height) != 2 ||
        fread(pixels, 3, sizeof pixels / 3, stdin) != (size_t)faces.width * (size_t)faces.height)
        return failed("usage: face_in_face_out BUNDLE < FACE.ppm > RESTORED.ppm");

    facedge_model *model;
    if (facedge_model_open(&model, argv[1], NULL) < 0) return failed(facedge_last_error());
    facedge_stream_settings settings;
    facedge_stream_settings_default(&settings);
    settings.sr = model;
    settings.mode = FACEDGE_MODE_INLINE; /* submit returns when the work is done */
    facedge_stream *stream;
    if (facedge_stream_open(&stream, &settings) < 0) return failed(facedge_last_error());

    facedge_result result = {.struct_size = sizeof result};
    if (facedge_submit_faces(stream, &faces) < 0 || facedge_poll(stream, &result) < 0)
        return failed(facedge_last_error());
    if (result.status < 0) return failed(result.message);
    const facedge_face *face = &result.faces[0];
    printf("P6\n%d %d\n255\n", face->width, face->height);
    fwrite(face->restored, 3, (size_t)face->width * (size_t)face->height, stdout);

    facedge_stream_close(&stream);
    facedge_model_close(&model);
    return fflush(stdout) ? failed("the picture cannot be written") : EXIT_SUCCESS;
}
