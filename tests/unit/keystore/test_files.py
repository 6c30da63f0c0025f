"""Permissions that are refused, with the command that mends them (KE-1); atomic writes (KE-5)."""

import os
import shlex
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files


class Permissions(SynchronousTestCase):
    def setUp(self):
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder, 0o700)
        self.path = os.path.join(self.folder, "key")
        files.write(self.path, b"content")

    def refused(self, expected, function, *args):
        self.assertIn(expected, str(self.assertRaises(KeyStoreError, function, *args)))

    def test_fine(self):
        files.check_folder(self.folder)
        self.assertEqual(files.read_secret(self.path, "key"), b"content")
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        os.chmod(self.path, 0o400)
        self.assertEqual(files.read_secret(self.path, "key"), b"content")

    def test_ke1_folders(self):
        for mode in (0o750, 0o705, 0o777):
            os.chmod(self.folder, mode)
            self.refused(f"chmod 700 {self.folder}", files.check_folder, self.folder)
        os.chmod(self.folder, 0o700)
        link = self.folder + "-link"
        os.symlink(self.folder, link)
        self.refused("symbolic link", files.check_folder, link)
        self.refused("no folder", files.check_folder, self.path)
        self.refused("acra-keymaker makes one", files.check_folder, self.folder + "/none")
        inner = os.path.join(self.folder, "a", "b")
        os.makedirs(inner, 0o700)
        os.chmod(os.path.dirname(inner), 0o777)
        self.refused("chmod o-w", files.check_folder, inner)

    def test_ke1_files(self):
        for mode in (0o640, 0o604, 0o660, 0o700):
            os.chmod(self.path, mode)
            self.refused(f"chmod 600 {self.path}", files.read_secret, self.path, "key")
            self.assertEqual(files.read_public(self.path, "key"), b"content")
        link = self.path + "-link"
        os.symlink(self.path, link)
        self.refused("symbolic link", files.read_secret, link, "key")
        self.refused("no regular file", files.read_public, self.folder, "key")
        self.assertRaises(FileNotFoundError, files.read_secret, self.path + "-none", "key")

    def test_ke1_a_command_can_be_pasted_whatever_the_path(self):
        path = os.path.join(self.folder, "my application_server")
        files.write(path, b"content")
        os.chmod(path, 0o644)
        self.refused(f"chmod 600 '{path}' (", files.read_secret, path, "key")
        os.chmod(self.folder, 0o777)
        inside = os.path.join(self.folder, "it's keys")
        os.mkdir(inside, 0o755)
        self.refused(f"chmod 700 {shlex.quote(inside)} (", files.check_folder, inside)

    def test_ke1_every_file_of_a_folder(self):
        paths = [os.path.join(self.folder, f"key {number}") for number in range(5)]
        for path in paths:
            files.write(path, b"content")
        absent = os.path.join(self.folder, "absent")
        files.check_secrets(self.folder, [*paths, absent])
        os.chmod(paths[3], 0o644)
        self.refused(f"chmod 600 '{paths[3]}'", files.check_secrets, self.folder, paths)
        for path in paths:
            os.chmod(path, 0o640)
        expected = f"5 key files in {self.folder} are not this user's alone"
        self.refused(expected, files.check_secrets, self.folder, paths)
        text = str(self.assertRaises(KeyStoreError, files.check_secrets, self.folder, paths))
        self.assertIn("(key 0, key 1, key 2 and 2 more)", text)
        command = text.partition("run: ")[2].partition(" (in a container")[0]
        subprocess.run(command, shell=True, check=True)
        files.check_secrets(self.folder, paths)
        os.symlink(paths[0], absent)
        self.refused("is a symbolic link", files.check_secrets, self.folder, [absent])

    def test_ke1_owners(self):
        self.patch(os, "geteuid", lambda: 12345)
        os.chown(self.path, 12346, -1) if os.getuid() == 0 else None
        if os.getuid() == 0:
            os.chown(self.folder, 12346, -1)
        self.refused("chown 12345", files.read_secret, self.path, "key")
        self.refused("chown -R 12345", files.check_folder, self.folder)

    def test_too_long(self):
        files.write(self.path, bytes(65 * 1024))
        self.refused("too long", files.read_secret, self.path, "key")

    def test_a_file_cannot_be_read(self):
        self.patch(os, "open", self.fail_to_open)
        self.refused("cannot read", files.read_secret, self.path, "key")

    def fail_to_open(self, *args):
        raise PermissionError(13, "Permission denied")


class Writing(SynchronousTestCase):
    def test_ke5_a_write_that_fails_leaves_the_old_file(self):
        path = os.path.abspath(self.mktemp())
        files.write(path, b"old")

        def broken(*args):
            raise OSError(28, "No space left on device")

        for step in ("write", "fsync", "rename"):
            with self.subTest(step):
                patch = self.patch(os, step, broken)
                error = self.assertRaises(OSError, files.write, path, b"new")
                self.assertEqual(error.filename, path)
                patch.restore()
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), b"old")
        nowhere = os.path.join(path, "nowhere")
        error = self.assertRaises(OSError, files.write, nowhere, b"new")
        self.assertEqual(error.filename, nowhere)
        names = [
            n for n in os.listdir(os.path.dirname(path)) if n.startswith(os.path.basename(path))
        ]
        self.assertEqual(names, [os.path.basename(path)])
