import { defineComponent, shallowReactive, computed, ref, watch, onMounted, onBeforeUnmount, mergeProps, unref, useSSRContext } from "vue";
import { ssrRenderAttrs, ssrRenderList, ssrRenderComponent, ssrInterpolate, ssrRenderAttr } from "vue/server-renderer";
import { w as withBase } from "./Content.ByV_zXkb.js";
import { P as PAIRS, T as Theatre, w as writeSchedule, _ as _sfc_main$1 } from "./Side.GxzkbuB-.js";
/* empty css                                                          */
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
import "@vueuse/core";
const STEP_MS = 1100;
const REST_MS = 5e3;
const _sfc_main = /* @__PURE__ */ defineComponent({
  __name: "HomeStory",
  __ssrInlineRender: true,
  setup(__props) {
    const story = PAIRS[0];
    const theatre = shallowReactive(new Theatre());
    const sides = computed(() => theatre.sides);
    const box = ref();
    const visible = ref(false);
    const stopped = ref(false);
    const narrow = ref(false);
    const isRunning = computed(() => visible.value && !stopped.value);
    let timer;
    let observer;
    watch([isRunning, () => theatre.at, () => theatre.moments], () => {
      clearTimeout(timer);
      if (!isRunning.value || theatre.moments.length === 0) return;
      timer = setTimeout(() => theatre.go(theatre.atEnd ? 0 : theatre.at + 1), theatre.atEnd ? REST_MS : STEP_MS);
    });
    onMounted(async () => {
      narrow.value = matchMedia("(max-width: 640px)").matches;
      stopped.value = matchMedia("(prefers-reduced-motion: reduce)").matches;
      await theatre.open(writeSchedule(story.schedule, stopped.value ? story.schedule.steps.length : 0));
      observer = new IntersectionObserver(([entry]) => {
        visible.value = entry?.isIntersecting ?? false;
      });
      if (box.value) observer.observe(box.value);
    });
    onBeforeUnmount(() => {
      clearTimeout(timer);
      observer?.disconnect();
    });
    const address = withBase(`/theatre.html#${writeSchedule(story.schedule, 0)}`);
    return (_ctx, _push, _parent, _attrs) => {
      _push(`<div${ssrRenderAttrs(mergeProps({
        ref_key: "box",
        ref: box,
        class: "theatre home-story",
        "data-at": unref(theatre).at,
        "data-running": isRunning.value
      }, _attrs))} data-v-b86cb216><div class="stage" data-v-b86cb216><div class="sides" data-v-b86cb216><!--[-->`);
      ssrRenderList(sides.value, (side) => {
        _push(ssrRenderComponent(_sfc_main$1, {
          key: side.lock,
          side,
          at: unref(theatre).at,
          dense: "",
          narrow: narrow.value,
          chooses: false
        }, null, _parent));
      });
      _push(`<!--]--></div><div class="controls" data-v-b86cb216><button type="button" class="button" data-v-b86cb216>${ssrInterpolate(stopped.value ? "Play" : "Pause")}</button><a class="button"${ssrRenderAttr("href", unref(address))} data-v-b86cb216>Open in the lock theatre</a><span class="count" data-v-b86cb216>step ${ssrInterpolate(unref(theatre).at)} of ${ssrInterpolate(unref(theatre).schedule.steps.length)}</span></div></div></div>`);
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/HomeStory.vue");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const HomeStory = /* @__PURE__ */ _export_sfc(_sfc_main, [["__scopeId", "data-v-b86cb216"]]);
export {
  HomeStory as default
};
