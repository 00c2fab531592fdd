"""Remarks stay with their code."""

import re

from stage import check, demo_events, test


def patch(lines):
    """A change that shows these lines of src/signature.js, all of them new."""
    head = "diff --git a/src/signature.js b/src/signature.js\nnew file mode 100644\n--- /dev/null\n+++ b/src/signature.js\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)


@test
def a_remark_moves_with_its_line(stage):
    events = demo_events()
    trees = [event["data"]["tree"] for event in events if event["type"] == "task.merged"]
    before = [f"line {number}" for number in range(1, 11)] + ["the line that is meant", "after it"]
    after = ["one more", "and another", *before]
    with stage.server(through=118) as server:
        server.documents["diff"] = {"tree": trees[1], "patch": patch(before), "truncated": False}
        # The dashboard is open, not the review: the change is read all the same, because somebody spoke of it.
        with stage.page(server) as page:
            for _ in range(200):
                if any("api/diff" in request for request in server.requests):
                    break
                page.wait_for_timeout(50)
            page.wait_for_timeout(200)
            server.documents["diff"] = {"tree": trees[2], "patch": patch(after), "truncated": False}
            server.show(154)
            page.evaluate("location.hash = 'view=review'")
            thread = page.get_by_role("article", name=re.compile("signature"))
            thread.get_by_text("said of line 11 of an earlier tree").wait_for()
            rows = page.locator(".diff tr").all_inner_texts()
            place = next(index for index, row in enumerate(rows) if "timingSafeEqual" in row)
            check("the line that is meant" in rows[place - 1], f"the remark stands below {rows[place - 1]!r}")
            # What is not there any more is said of the file, not of a line that happens to have its number.
            server.documents["diff"] = {"tree": "e" * 40, "patch": patch(["all", "new"]), "truncated": False}
            last = server.events[153]
            server.events = server.events[:154]
            server.append([{**last, "seq": 155, "data": {**last["data"], "tree": "e" * 40}}])
            thread.get_by_text("which is not in the change any more").wait_for()
