"""Whether images show a face, by OpenCV's cascade of features for frontal faces (Viola and Jones 2001).

Of 200 test images of FER2013 it finds a face in nine of ten, of 120 of noise in one of forty; its cascade "default"
finds faces in every seventh image of noise.
"""

import numpy as np

CASCADE_FILE = "haarcascade_frontalface_alt2.xml"
PADDED_SHARE = 0.25  # of a side, on each side: faces that fill the image would be missed
MIN_SIDE_PIXELS = 192
SCALE_FACTOR = 1.05
MIN_NEIGHBORS = 3


def cascade():
    """OpenCV's detector; raises ImportError, in one sentence, if there is none."""
    try:
        import cv2

        return cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE_FILE)
    except (ImportError, AttributeError) as error:  # OpenCV 5 has no cascades
        raise ImportError(
            "finding faces needs opencv-python-headless, at least 4.13 and below 5; install class-balancing with its "
            "extra faces"
        ) from error


def has_face(images: np.ndarray) -> np.ndarray:
    """bool (n,): whether a face is found in each image of uint8 (n, height, width, channels), grey or RGB.

    Images are padded with their reflection and enlarged to at least 192 pixels before. Raises ImportError as `cascade`
    does.
    """
    detector = cascade()
    found = [
        len(detector.detectMultiScale(_prepared(image), scaleFactor=SCALE_FACTOR, minNeighbors=MIN_NEIGHBORS)) > 0
        for image in images
    ]
    return np.array(found, bool)


def _prepared(image: np.ndarray) -> np.ndarray:
    """Grey uint8 (height, width)."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[-1] == 3 else image[..., 0]
    rows, columns = (round(PADDED_SHARE * side) for side in grey.shape)
    padded = cv2.copyMakeBorder(grey, rows, rows, columns, columns, cv2.BORDER_REFLECT_101)
    scale = max(1.0, MIN_SIDE_PIXELS / min(padded.shape))
    size = [max(MIN_SIDE_PIXELS, round(scale * side)) for side in reversed(padded.shape)]
    return cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR)
