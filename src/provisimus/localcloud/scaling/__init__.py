"""Auto Scaling groups that act: what a group must do next, and who does it.

How a group lives: `wire` (the API) changes a `Group` by request; the `keeper` looks at the group's
instances twice a second and asks `turn` what has to happen; `turn` decides, purely, by `members`
(the life of one instance), `health`, `refresh` and `capacity`, and gives back the changed group and
steps; the keeper takes the steps by the service APIs and tells the group what came of them.
All but `keeper`, `sight`, `targets` and `wire` is pure.
"""
