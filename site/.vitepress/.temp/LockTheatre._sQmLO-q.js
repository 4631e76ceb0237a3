import { defineComponent, shallowReactive, ref, computed, watch, onMounted, onBeforeUnmount, nextTick, mergeProps, unref, useSSRContext } from "vue";
import { ssrRenderAttrs, ssrRenderList, ssrRenderAttr, ssrInterpolate, ssrRenderClass, ssrRenderComponent, ssrIncludeBooleanAttr, ssrLooseContain, ssrLooseEqual } from "vue/server-renderer";
import { T as Theatre, c as comparable, L as LOCKS, S as STORIES, a as waysToAsk, _ as _sfc_main$1, M as MOST_PERMITS, b as MOST_CLIENTS, P as PAIRS, w as writeSchedule } from "./Side.GxzkbuB-.js";
/* empty css                                                          */
import "./plugin-vue_export-helper.1tPrXgE0.js";
const RUNNERS = {
  "node:test": {
    how: "Run it with `node --test`.",
    imports: "import assert from 'node:assert/strict'\nimport { test } from 'node:test'",
    equal: (value, expected, message) => `assert.deepEqual(${value}, ${expected}${message})`
  },
  vitest: {
    how: "Run it with `npx vitest run`.",
    imports: "import { expect, test } from 'vitest'",
    equal: (value, expected, message) => `expect(${value}${message}).toEqual(${expected})`
  }
};
const _sfc_main = /* @__PURE__ */ defineComponent({
  __name: "LockTheatre",
  __ssrInlineRender: true,
  setup(__props) {
    const theatre = shallowReactive(new Theatre());
    const ready = ref(false);
    const moment = computed(() => theatre.moment);
    const preset = computed(() => theatre.preset);
    const sides = computed(() => theatre.sides);
    const dense = computed(() => sides.value.length > 1);
    const others = computed(() => comparable(theatre.schedule.lock));
    const locks = Object.entries(LOCKS);
    const story = ref();
    watch(
      () => theatre.story,
      (told) => {
        story.value = told ?? story.value ?? STORIES[0];
      },
      { immediate: true }
    );
    const choices = computed(
      () => story.value ? [...story.value.pair ? [story.value.pair] : [], ...story.value.presets] : []
    );
    const mark = ({ schedule, end }) => schedule.beside ? "✗ ✓" : end === "fine" ? "✓" : "✗";
    const note = computed(() => {
      if (!preset.value) return LOCKS[theatre.schedule.lock].note;
      return theatre.atEnd ? preset.value.lesson : preset.value.watch;
    });
    let written;
    const stage = ref();
    async function readAddress() {
      const { hash } = location;
      if (hash.slice(1) === written) return;
      const [first] = PAIRS;
      const shared = await theatre.open(hash);
      if (!shared && first) await theatre.open(writeSchedule(first.schedule, 0));
      if (shared) await showStage();
    }
    watch(
      () => theatre.address,
      (address) => {
        if (!ready.value) return;
        written = address;
        history.replaceState(history.state, "", `#${address}`);
      }
    );
    async function showStage() {
      await nextTick();
      const box = stage.value?.getBoundingClientRect();
      if (!box) return;
      stage.value?.focus({ preventScroll: true });
      const bar = 64;
      if (box.top < bar || box.bottom > innerHeight) stage.value?.scrollIntoView({ block: "start", behavior: "instant" });
    }
    const narrow = ref(false);
    let media;
    const measure = () => {
      narrow.value = media?.matches ?? false;
    };
    onMounted(async () => {
      media = matchMedia("(max-width: 640px)");
      media.addEventListener("change", measure);
      measure();
      await readAddress();
      ready.value = true;
      addEventListener("hashchange", readAddress);
    });
    onBeforeUnmount(() => {
      removeEventListener("hashchange", readAddress);
      media?.removeEventListener("change", measure);
    });
    const PACES = { slow: 2200, normal: 1200, fast: 450 };
    const pace = ref("normal");
    let timer;
    watch([() => theatre.playing, () => theatre.at, pace], () => {
      clearTimeout(timer);
      if (theatre.playing) timer = setTimeout(() => theatre.go(theatre.at + 1), PACES[pace.value]);
    });
    onBeforeUnmount(() => clearTimeout(timer));
    const ASK = {
      keyed: (what) => `Acquire ${what.replace("+", " + ")}`,
      semaphore: (what) => `Acquire ${what}`
    };
    const orders = computed(() => [
      ...waysToAsk(theatre.schedule).map(({ verb, what }) => ({
        text: verb === "read" ? "Read" : verb === "write" ? "Write" : ASK[theatre.schedule.lock]?.(what ?? "") ?? "Acquire",
        act: "ask",
        verb,
        what
      })),
      { text: "Work", act: "work", verb: "work" },
      { text: "Release", act: "release", verb: "release" },
      { text: "Release again", act: "again", verb: "again" },
      { text: "Cancel", act: "abort", verb: "abort" },
      { text: "Time out", act: "timeout", verb: "timeout" }
    ]);
    const logBoxes = ref([]);
    watch(
      () => theatre.at,
      async () => {
        await nextTick();
        for (const box of logBoxes.value) box.scrollTop = box.scrollHeight;
      }
    );
    const said = ref("");
    const testText = ref("");
    watch(
      () => theatre.schedule,
      () => {
        said.value = "";
        testText.value = "";
      }
    );
    return (_ctx, _push, _parent, _attrs) => {
      _push(`<div${ssrRenderAttrs(mergeProps({
        class: "theatre",
        "data-ready": ready.value,
        "data-verdict": moment.value?.verdict,
        "data-at": unref(theatre).at
      }, _attrs))}><section class="stories" aria-label="Stories"><!--[-->`);
      ssrRenderList(unref(STORIES), (told) => {
        _push(`<button type="button" class="button story"${ssrRenderAttr("data-story", told.title)}${ssrRenderAttr("aria-pressed", unref(theatre).story === told)}>${ssrInterpolate(told.title)}</button>`);
      });
      _push(`<!--]--></section><section class="stage" aria-label="Stage" tabindex="-1"><div class="choices" role="group"${ssrRenderAttr("aria-label", story.value?.title)}><!--[-->`);
      ssrRenderList(choices.value, (option) => {
        _push(`<button type="button" class="button choice"${ssrRenderAttr("data-preset", option.id)}${ssrRenderAttr("aria-pressed", preset.value?.id === option.id)}${ssrRenderAttr("aria-label", `${story.value?.title}: ${option.label}`)}><span class="${ssrRenderClass(["mark", option.end])}" aria-hidden="true">${ssrInterpolate(mark(option))}</span>${ssrInterpolate(option.label)}</button>`);
      });
      _push(`<!--]--></div><p class="note">${ssrInterpolate(note.value)}</p><div class="sides"><!--[-->`);
      ssrRenderList(sides.value, (side, i) => {
        _push(ssrRenderComponent(_sfc_main$1, {
          key: side.lock,
          client: unref(theatre).client,
          "onUpdate:client": ($event) => unref(theatre).client = $event,
          side,
          at: unref(theatre).at,
          dense: dense.value,
          narrow: narrow.value,
          chooses: i === 0
        }, null, _parent));
      });
      _push(`<!--]-->`);
      if (unref(theatre).at === 0 && !unref(theatre).playing) {
        _push(`<div class="invite">`);
        if (unref(theatre).schedule.steps.length > 0) {
          _push(`<button type="button" class="button strong big">▶ Play the story</button>`);
        } else {
          _push(`<p>The stage is yours: choose a story above, or tell ${ssrInterpolate(unref(theatre).client)} to acquire the lock.</p>`);
        }
        _push(`</div>`);
      } else {
        _push(`<!---->`);
      }
      _push(`</div><div class="controls time" role="group" aria-label="Time"><button type="button" class="button strong">${ssrInterpolate(unref(theatre).playing ? "Pause" : "Play")}</button><button type="button" class="button"${ssrRenderAttr("aria-disabled", unref(theatre).at === 0)}>Back</button><button type="button" class="button"${ssrRenderAttr("aria-disabled", unref(theatre).atEnd)}>Step</button><input type="range" aria-label="Moment" min="0"${ssrRenderAttr("max", unref(theatre).schedule.steps.length)}${ssrRenderAttr("value", unref(theatre).at)}${ssrRenderAttr("aria-valuetext", `${unref(theatre).at} of ${unref(theatre).schedule.steps.length} steps`)}><span class="count">${ssrInterpolate(unref(theatre).at)} of ${ssrInterpolate(unref(theatre).schedule.steps.length)}</span><label><span>Pace</span><select name="pace"><!--[-->`);
      ssrRenderList(PACES, (_, name) => {
        _push(`<option${ssrRenderAttr("value", name)}${ssrIncludeBooleanAttr(Array.isArray(pace.value) ? ssrLooseContain(pace.value, name) : ssrLooseEqual(pace.value, name)) ? " selected" : ""}>${ssrInterpolate(name)}</option>`);
      });
      _push(`<!--]--></select></label><span class="gap"></span><button type="button" class="button"${ssrRenderAttr("aria-disabled", unref(theatre).past.length === 0)}>Undo</button><button type="button" class="button"${ssrRenderAttr("aria-disabled", unref(theatre).schedule.steps.length === 0)}>Clear</button></div><div class="controls" role="group"${ssrRenderAttr("aria-label", `What ${unref(theatre).client} does next`)}><span class="who" aria-hidden="true">${ssrInterpolate(unref(theatre).client)}:</span><!--[-->`);
      ssrRenderList(orders.value, (order) => {
        _push(`<button type="button" class="button"${ssrRenderAttr("aria-disabled", !unref(theatre).can(order.act))}>${ssrInterpolate(order.text)}</button>`);
      });
      _push(`<!--]--></div><div class="setting"><label><span>Lock</span><select name="lock"${ssrRenderAttr("value", unref(theatre).schedule.lock)}><optgroup label="latchkey"><!--[-->`);
      ssrRenderList(unref(locks).filter(([, lock]) => lock.own), ([name, { title }]) => {
        _push(`<option${ssrRenderAttr("value", name)}>${ssrInterpolate(title)}</option>`);
      });
      _push(`<!--]--></optgroup><optgroup label="By hand"><!--[-->`);
      ssrRenderList(unref(locks).filter(([, lock]) => !lock.own), ([name, { title }]) => {
        _push(`<option${ssrRenderAttr("value", name)}>${ssrInterpolate(title)}</option>`);
      });
      _push(`<!--]--></optgroup></select></label>`);
      if (others.value.length > 0) {
        _push(`<label><span>Beside it</span><select name="beside"${ssrRenderAttr("value", unref(theatre).schedule.beside ?? "")}><option value="">nothing</option><!--[-->`);
        ssrRenderList(others.value, (name) => {
          _push(`<option${ssrRenderAttr("value", name)}>${ssrInterpolate(unref(LOCKS)[name].title)}</option>`);
        });
        _push(`<!--]--></select></label>`);
      } else {
        _push(`<!---->`);
      }
      if (unref(theatre).schedule.lock === "semaphore") {
        _push(`<label><span>Permits</span><select name="size"${ssrRenderAttr("value", unref(theatre).schedule.size)}><!--[-->`);
        ssrRenderList(unref(MOST_PERMITS), (n) => {
          _push(`<option${ssrRenderAttr("value", n)}>${ssrInterpolate(n)}</option>`);
        });
        _push(`<!--]--></select></label>`);
      } else {
        _push(`<!---->`);
      }
      _push(`<label><span>Clients</span><select name="clients"${ssrRenderAttr("value", unref(theatre).schedule.clients)}><!--[-->`);
      ssrRenderList(unref(MOST_CLIENTS), (n) => {
        _push(`<option${ssrRenderAttr("value", n)}>${ssrInterpolate(n)}</option>`);
      });
      _push(`<!--]--></select></label><ul class="legend" aria-label="Key to the lanes"><li><span class="sample waits"></span>waits</li><li><span class="sample holds"></span>holds</li><li><span class="sample works"></span>works</li><li><span class="sample hand">↓</span>handed over</li><li><span class="sample ghost"></span>left, and the lock does not know</li></ul></div></section><section class="told" aria-labelledby="told"><h2 id="told">What happened</h2><div class="logs"><!--[-->`);
      ssrRenderList(sides.value, (side) => {
        _push(`<div class="side-log">`);
        if (dense.value) {
          _push(`<h3>${ssrInterpolate(unref(LOCKS)[side.lock].title)}</h3>`);
        } else {
          _push(`<!---->`);
        }
        _push(`<div class="log" role="log" aria-live="polite"${ssrRenderAttr("aria-label", dense.value ? `What happened with ${unref(LOCKS)[side.lock].title}` : "What happened")} tabindex="0">`);
        if (unref(theatre).at === 0) {
          _push(`<p class="nothing">Nothing yet. Play a story, or tell a client to acquire the lock.</p>`);
        } else {
          _push(`<!---->`);
        }
        _push(`<!--[-->`);
        ssrRenderList(unref(theatre).logOf(side.moments), (entry) => {
          _push(`<p class="${ssrRenderClass({ fault: entry.fault })}"><span class="number" aria-hidden="true">${ssrInterpolate(entry.step)}</span><span>${ssrInterpolate(entry.sentences.join(" "))}</span></p>`);
        });
        _push(`<!--]--></div></div>`);
      });
      _push(`<!--]--></div><div class="controls share"><button type="button" class="button">Copy the link</button><!--[-->`);
      ssrRenderList(sides.value, (side) => {
        _push(`<!--[--><span class="of">Copy ${ssrInterpolate(unref(LOCKS)[side.lock].title)} as a test:</span><!--[-->`);
        ssrRenderList(unref(RUNNERS), (_, runner) => {
          _push(`<button type="button" class="button"${ssrRenderAttr("data-test-of", side.lock)}${ssrRenderAttr("aria-label", `Copy ${unref(LOCKS)[side.lock].title} as a test for ${runner}`)}${ssrRenderAttr("aria-disabled", unref(theatre).schedule.steps.length === 0)}>${ssrInterpolate(runner)}</button>`);
        });
        _push(`<!--]--><!--]-->`);
      });
      _push(`<!--]--><span class="said" role="status">${ssrInterpolate(said.value)}</span></div>`);
      if (testText.value) {
        _push(`<textarea class="test" readonly rows="14" aria-label="The schedule as a test" spellcheck="false">${ssrInterpolate(testText.value)}</textarea>`);
      } else {
        _push(`<!---->`);
      }
      _push(`</section></div>`);
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/LockTheatre.vue");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
export {
  _sfc_main as default
};
