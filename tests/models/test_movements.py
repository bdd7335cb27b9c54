import numpy as np
from class_balancing.models.movements import moved


def test_images_are_moved_by_whole_pixels_reflected_and_mirrored():
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1).repeat(3, axis=0)
    uniform = np.array([[0.5, 0.5, 0.1], [0.5, 0.99, 0.1], [0.5, 0.5, 0.9]], np.float32)
    made = np.array(moved(image, uniform, 0.25, horizontal_flip=True))
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made[0], image[0])
    assert made[1, 0, :, 0].tolist() == [1, 2, 3, 2]
    np.testing.assert_array_equal(made[2], image[0, :, ::-1])
    many = np.array(
        moved(image[:1].repeat(300, axis=0), np.random.default_rng(0).random((300, 3), np.float32), 0.25, True)
    )
    assert len({each.tobytes() for each in many}) == 3 * 2, "shifts of -1, 0, 1 column and no row, mirrored or not"


def test_a_shift_by_the_whole_side_stays_inside():
    images = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1).repeat(50, axis=0)
    uniform = np.linspace(0, 0.999, 150, dtype=np.float32).reshape(50, 3)
    assert set(np.unique(moved(images, uniform, 1.0, horizontal_flip=True))) <= {0, 1, 2, 3}


def test_without_shift_and_mirror_nothing_moves():
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3), np.uint8)
    uniform = np.random.default_rng(1).random((5, 3), np.float32)
    np.testing.assert_array_equal(moved(images, uniform, 0.0, horizontal_flip=False), images)
